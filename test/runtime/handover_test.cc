// Workers of one process while another process takes over, and the other's workers: real sockets, real
// threads; run with --config=tsan too.
#include "source/runtime/handover.h"

#include <latch>
#include <set>

#include "test/runtime/clients.h"
#include "test/support/workers.h"

namespace sluice::test {
namespace {

using runtime::LoadingWorkers;
using runtime::PausedWorkers;

// Enough that both workers' sockets get some.
constexpr size_t kClients = 8;

struct Clients {
  Clients() {
    for (size_t i = 0; i < kClients; ++i) all.push_back(std::make_unique<UdpClient>());
  }
  void send(const net::Address& to, uint8_t tag) {
    for (size_t i = 0; i < kClients; ++i) all[i]->send(std::vector{static_cast<uint8_t>(i), tag}, to);
  }
  // The next datagram that each receives is its own with this tag.
  void checkEcho(uint8_t tag) {
    for (size_t i = 0; i < kClients; ++i) {
      const auto answer = all[i]->receive();
      REQUIRE(answer);
      CHECK(answer->data == std::vector{static_cast<uint8_t>(i), tag});
    }
  }
  std::vector<std::unique_ptr<UdpClient>> all;
};

std::unique_ptr<Workers> takeOver(Workers& before, const std::string& config,
                                  std::vector<std::string>* lost = nullptr,
                                  const std::function<void()>& meanwhile = {}) {
  PausedWorkers paused(before.group());
  if (meanwhile) meanwhile();
  LoadingWorkers loading;
  auto after = std::make_unique<Workers>(config, before, paused, loading);
  const auto loaded = loading.loaded();
  REQUIRE(loaded.ok());
  for (const auto& one : loaded->lost) {
    if (lost != nullptr) lost->push_back(one.why);
  }
  paused.handOver();
  loading.settle(true);
  return after;
}

TEST_CASE(
    "sessions continue at the same upstream sockets, ten times, and packets that arrived meanwhile get "
    "a response") {
  for (const std::string sockets : {"PER_SESSION", "SHARED"}) {
    CAPTURE(sockets);
    Echo echo;
    const std::string config = forwardConfig(echo.address(), 0, "", "sockets: " + sockets);
    auto workers = std::make_unique<Workers>(config, 2);
    Clients clients;
    clients.send(workers->address(), 0);
    clients.checkEcho(0);
    const size_t sessions = workers->sessions();
    const auto sources = echo.sources();
    for (uint8_t tag = 1; tag <= 10; ++tag) {
      std::vector<std::string> lost;
      const net::Address address = workers->address();
      clients.send(address, 0x40 | tag);
      workers = takeOver(*workers, config, &lost, [&] { clients.send(address, 0x80 | tag); });
      CHECK(lost.empty());
      CHECK(workers->sessions() == sessions);
      clients.checkEcho(0x40 | tag);
      clients.checkEcho(0x80 | tag);
      CHECK(workers->unaccounted() == 0);
    }
    CHECK(echo.sources() == sources);
  }
}

TEST_CASE("a takeover that fails changes nothing: the old workers continue, and the new ones own nothing") {
  Echo echo;
  const std::string config = forwardConfig(echo.address());
  Workers workers(config, 2);
  Clients clients;
  clients.send(workers.address(), 0);
  clients.checkEcho(0);
  const auto sources = echo.sources();
  SUBCASE("before anything is saved") {
    const PausedWorkers paused(workers.group());
    clients.send(workers.address(), 1);
  }
  SUBCASE("when all is saved") {
    PausedWorkers paused(workers.group());
    clients.send(workers.address(), 1);
    CHECK(paused.save().size() == 2);
  }
  SUBCASE("when the other process has loaded it") {
    PausedWorkers paused(workers.group());
    clients.send(workers.address(), 1);
    LoadingWorkers loading;
    Workers after(config, workers, paused, loading);
    const auto loaded = loading.loaded();
    REQUIRE(loaded.ok());
    CHECK(loaded->lost.empty());
    loading.settle(false);
    after.on(0, [](runtime::WorkerThread& worker) { CHECK(worker.dispatcher().sessions().size() == 0); });
    after.on(1, [](runtime::WorkerThread& worker) { CHECK(worker.dispatcher().sessions().size() == 0); });
  }
  SUBCASE("when the other process ends meanwhile") {
    PausedWorkers paused(workers.group());
    clients.send(workers.address(), 1);
    std::unique_ptr<Workers> after;
    {
      LoadingWorkers loading;
      after = std::make_unique<Workers>(config, workers, paused, loading);
    }
  }
  clients.checkEcho(1);
  clients.send(workers.address(), 2);
  clients.checkEcho(2);
  CHECK(echo.sources() == sources);
  CHECK(workers.sessions() == kClients);
  CHECK(workers.unaccounted() == 0);
}

// The session with another endpoint moves on, whichever session handed the socket over.
TEST_CASE("a shared socket stays for the sessions that can use it") {
  for (const bool first_leaves : {true, false}) {
    CAPTURE(first_leaves);
    Echo first, second;
    const std::string other = "endpoints: '" + second.address().toString() + "' policy: ROUND_ROBIN";
    Workers workers(forwardConfig(first.address(), 0, "", "sockets: SHARED", other), 1);
    Clients clients;
    clients.all.resize(2);
    for (uint8_t i = 0; i < 2; ++i) {
      clients.all[i]->send(std::vector<uint8_t>{i}, workers.address());
      REQUIRE(clients.all[i]->receive());
    }
    Echo& stays = first_leaves ? second : first;
    CHECK(stays.sources().size() == 1);
    const auto after = takeOver(workers, forwardConfig(stays.address(), 0, "", "sockets: SHARED"));
    for (uint8_t i = 0; i < 2; ++i) clients.all[i]->send(std::vector<uint8_t>{i}, after->address());
    for (uint8_t i = 0; i < 2; ++i) CHECK(clients.all[i]->receive());
    CHECK(stays.sources().size() == 2);  // the existing one, and the new session's
  }
}

// Players that perform no handshake, so that they can continue at any time.
constexpr const char* kCheckConfig =
    "listeners { name: 'voice' address: '127.0.0.1:0' filter_chains { name: 'c' "
    "filters { typed_config { [type.googleapis.com/sluice.filters.StunTurn] {} } } } } ";

struct Room {
  Room() {
    rooms::Negotiated negotiated;
    negotiated.local = {"ours", "a password of 24 letters"};
    workers->announce(*workers->directory().join("room", "player", negotiated));
  }
  void check(uint8_t id) {
    for (const auto& client : clients.all)
      client->send(iceCheck("ours:theirs", "a password of 24 letters", id), workers->address());
  }
  void checkAnswers(uint8_t id) {
    for (const auto& client : clients.all) {
      const auto answer = client->receive();
      REQUIRE(answer);
      const auto message = stun::parse(answer->data);
      REQUIRE(message);
      CHECK(message->kind == stun::Class::kSuccess);
      CHECK(message->id[0] == id);
    }
  }

  std::unique_ptr<Workers> workers = std::make_unique<Workers>(kCheckConfig, 2);
  Clients clients;
};

TEST_CASE("packets mailed between two workers when they stop are not lost, and none gets two responses") {
  Room room;
  room.check(1);
  room.checkAnswers(1);
  for (uint8_t id = 2; id < 20; id += 2) {
    // The owner of the session is busy, so that the other worker's packets wait; it may be either.
    const int owner = room.workers->directory().find("room", "player")->observed.worker;
    REQUIRE(owner >= 0);
    const auto other = static_cast<unsigned>(1 - owner);
    std::latch busy(1);
    room.workers->group().workers[static_cast<size_t>(owner)]->post([&] { busy.wait(); });
    room.check(id);
    for (int turns = 0; turns < 2; ++turns) room.workers->on(other, [](runtime::WorkerThread&) {});
    std::thread release([&] { busy.count_down(); });  // while the workers stop
    std::vector<std::string> lost;
    room.workers = takeOver(*room.workers, kCheckConfig, &lost);
    CHECK(lost.empty());
    release.join();
    room.check(static_cast<uint8_t>(id + 1));
    room.checkAnswers(id);
    room.checkAnswers(static_cast<uint8_t>(id + 1));
    CHECK(room.workers->sessions() == 1);
  }
}

TEST_CASE("a player that left while the workers were stopped has no session in the new process") {
  Room room;
  room.check(1);
  room.checkAnswers(1);
  std::vector<std::string> lost;
  Workers& before = *room.workers;
  const auto after = takeOver(before, kCheckConfig, &lost,
                              [&] { before.directory().leave(before.directory().find("room", "player")); });
  CHECK(lost == std::vector<std::string>{"its player has left"});
  CHECK(after->sessions() == 0);
}

}  // namespace
}  // namespace sluice::test
