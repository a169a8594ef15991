// Several workers, real sockets, real threads: run with --config=tsan too.
#include "test/support/workers.h"

#include "test/runtime/clients.h"

namespace sluice {
namespace {

using namespace test;
using runtime::ListenerDrop;

TEST_CASE("many clients on two workers get their own datagrams back, while the configuration changes") {
  Echo echo;
  test::Workers workers(forwardConfig(echo.address()), 2);
  std::vector<std::unique_ptr<test::UdpClient>> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(std::make_unique<test::UdpClient>());
  for (int round = 0; round < 50; ++round) {
    if (round % 5 == 0) workers.reload(forwardConfig(echo.address(), round));
    for (size_t i = 0; i < clients.size(); ++i) {
      clients[i]->send(std::vector<uint8_t>{static_cast<uint8_t>(i), static_cast<uint8_t>(round)},
                       workers.address());
    }
    for (size_t i = 0; i < clients.size(); ++i) {
      const auto answer = clients[i]->receive();
      REQUIRE(answer);
      CHECK(answer->data == std::vector<uint8_t>{static_cast<uint8_t>(i), static_cast<uint8_t>(round)});
    }
  }
  CHECK(workers.sessions() == 20);
  CHECK(workers.unaccounted() == 0);
}

rooms::PlayerPtr joinPlayer(test::Workers& workers, const std::string& ufrag = "ours") {
  rooms::Negotiated negotiated;
  negotiated.local = {ufrag, "a password of 24 letters"};
  const auto player = *workers.directory().join("room", ufrag, negotiated);
  workers.announce(player);
  return player;
}

// The error code of the response to a check; 0: none.
unsigned answerTo(test::Workers& workers, test::UdpClient& client, const std::string& ufrag,
                  const std::string& password) {
  client.send(iceCheck(ufrag + ":theirs", password), workers.address());
  const auto answer = client.receive();
  REQUIRE(answer);
  const auto message = stun::parse(answer->data);
  CHECK(message->checkIntegrity(asBytes(password), crypto::hmacSha1) ==
        (message->kind == stun::Class::kSuccess));
  return message->errorCode().value_or(0);
}

TEST_CASE("a player's session belongs to one worker, however its addresses are spread") {
  test::Workers workers(kVoiceConfig, 2);
  joinPlayer(workers);
  // Enough addresses that both workers' sockets get some.
  constexpr int kAddresses = 8;
  std::vector<std::unique_ptr<test::UdpClient>> clients;
  for (int i = 0; i < kAddresses; ++i) {
    clients.push_back(std::make_unique<test::UdpClient>());
    clients.back()->send(iceCheck("ours:theirs", "a password of 24 letters"), workers.address());
    const auto answer = clients.back()->receive();
    REQUIRE(answer);
    CHECK(stun::parse(answer->data)->kind == stun::Class::kSuccess);
    CHECK(answer->from == workers.address());
  }
  CHECK(workers.sessions() == 1);
  // One more than a session may have.
  clients.push_back(std::make_unique<test::UdpClient>());
  clients.back()->send(iceCheck("ours:theirs", "a password of 24 letters"), workers.address());
  clients.front()->send(iceCheck("ours:theirs", "a password of 24 letters"), workers.address());
  CHECK(clients.front()->receive());
  CHECK(workers.sessions() == 1);
}

TEST_CASE("after an ICE restart, new credentials are accepted on any worker, the old ones until then") {
  test::Workers workers(kVoiceConfig, 2);
  const auto player = joinPlayer(workers);
  test::UdpClient first;
  CHECK(answerTo(workers, first, "ours", "a password of 24 letters") == 0);
  CHECK(answerTo(workers, first, "next", "another password of ours") == 401);
  for (unsigned i = 0; i < 2; ++i) {
    workers.on(i, [&](runtime::WorkerThread& worker) {
      worker.dispatcher().addCredentials(player, {"next", "another password of ours"});
    });
  }
  CHECK(answerTo(workers, first, "ours", "a password of 24 letters") == 0);
  for (int i = 0; i < 4; ++i) {  // enough new addresses that both workers' sockets get some
    test::UdpClient moved;
    CHECK(answerTo(workers, moved, "next", "another password of ours") == 0);
  }
  CHECK(answerTo(workers, first, "ours", "a password of 24 letters") == 401);
  CHECK(answerTo(workers, first, "next", "another password of ours") == 0);
  CHECK(workers.sessions() == 1);
}

TEST_CASE("the next player at the address of one that has vanished gets a response at once") {
  test::Workers workers(kVoiceConfig, 2);
  joinPlayer(workers, "alice");
  joinPlayer(workers, "bob");
  test::UdpClient port;
  CHECK(answerTo(workers, port, "alice", "a password of 24 letters") == 0);
  CHECK(answerTo(workers, port, "bob", "a guess at the password") == 401);
  CHECK(answerTo(workers, port, "bob", "a password of 24 letters") == 0);
  CHECK(workers.sessions() == 2);
}

TEST_CASE("on a chain that authenticates, only STUN of an unknown client begins a session") {
  test::Workers workers(std::string(kVoiceConfig) + "limits { max_unauthenticated_sessions: 2 }", 1);
  test::UdpClient noise;
  noise.send(std::vector<uint8_t>{0x80, 111, 1, 2, 3}, workers.address());
  for (int i = 0; i < 5; ++i) {
    test::UdpClient stranger;
    std::vector<uint8_t> binding(20);
    stun::Writer(binding, stun::kBinding, stun::Class::kRequest, {1});
    stranger.send(binding, workers.address());
    CHECK(stranger.receive());
  }
  CHECK(workers.dropped(ListenerDrop::kNoSession) == 1);
  CHECK(workers.sessions() == 2);  // the oldest made room
}

TEST_CASE("sessions are limited in total and by source, and a draining process opens none") {
  Echo echo;
  test::UdpClient first, second, third;
  const std::vector<uint8_t> data{1};
  SUBCASE("in total") {
    test::Workers workers(forwardConfig(echo.address(), 0, "limits { max_sessions: 1 }"), 1);
    first.send(data, workers.address());
    CHECK(first.receive());
    second.send(data, workers.address());
    first.send(data, workers.address());
    CHECK(first.receive());
    CHECK(workers.dropped(ListenerDrop::kSessionLimit) == 1);
  }
  SUBCASE("by source") {
    test::Workers workers(forwardConfig(echo.address(), 0, "limits { max_sessions_per_source: 1 }"), 1);
    first.send(data, workers.address());
    CHECK(first.receive());
    second.send(data, workers.address());
    first.send(data, workers.address());
    CHECK(first.receive());
    CHECK(workers.dropped(ListenerDrop::kSourceLimit) == 1);
  }
  SUBCASE("draining") {
    test::Workers workers(forwardConfig(echo.address()), 1);
    first.send(data, workers.address());
    CHECK(first.receive());
    workers.on(0, [](runtime::WorkerThread& worker) { worker.dispatcher().setDraining(true); });
    second.send(data, workers.address());
    first.send(data, workers.address());
    CHECK(first.receive());
    CHECK(workers.dropped(ListenerDrop::kDraining) == 1);
  }
}

}  // namespace
}  // namespace sluice
