// Packets that one session releases when the workers stop may be held by another session in turn: two TURN
// clients that use each other's relayed addresses, through filters that delay.
#include "test/filters/stun_turn/turn_message.h"
#include "test/runtime/clients.h"
#include "test/support/workers.h"

namespace sluice::test {
namespace {

std::string turnConfig(const std::string& impair) {
  return "listeners { name: 'turn' address: '127.0.0.1:0' filter_chains { name: 'c' "
         "filters { typed_config { [type.googleapis.com/sluice.filters.Impair] { " +
         impair +
         " } } } "
         "filters { typed_config { [type.googleapis.com/sluice.filters.StunTurn] { "
         "turn { realm: 'example.org' allowed_peers: '127.0.0.0/8' } } } } } } "
         "credentials { users { name: 'alice' password: 'password' } }";
}

class Client {
 public:
  explicit Client(const net::Address& server) : server_(server) {
    const Response challenge = request(stun::kAllocate, {transport()}, nullptr);
    auth_.user = "alice";
    auth_.username = "alice";
    auth_.password = "password";
    auth_.key_realm = "example.org";
    auth_.key_algorithm = kMd5;
    auth_.realm = challenge.text(stun::kRealm);
    auth_.nonce = challenge.text(stun::kNonce);
    auth_.sha1 = true;
    const Response response = request(stun::kAllocate, {transport()}, &auth_);
    REQUIRE(response.code() == kSuccess);
    relayed = response.addresses(stun::kXorRelayedAddress).at(0);
  }
  void bind(const net::Address& to) {
    const Response response = request(stun::kChannelBind, {channel(0x4000), peer(to.toString())}, &auth_);
    REQUIRE(response.code() == kSuccess);
  }
  void say(const std::string& text) {
    std::vector<uint8_t> datagram{0x40, 0, 0, static_cast<uint8_t>(text.size())};
    datagram.insert(datagram.end(), text.begin(), text.end());
    socket_.send(datagram, server_);
  }
  std::string receive() {
    const auto got = socket_.receive();
    return got && got->data.size() > 4 ? std::string(asText(got->data).substr(4)) : "nothing";
  }

  net::Address relayed;

 private:
  Response request(uint16_t method, const Attributes& attributes, const Auth* auth) {
    socket_.send(form(method, stun::Class::kRequest, newTransaction(), attributes, auth), server_);
    const auto got = socket_.receive();
    REQUIRE(got);
    return {got->data, ""};
  }

  const net::Address server_;
  UdpClient socket_;
  Auth auth_;
};

uint64_t packetsIn(Workers& workers) {
  uint64_t total = 0;
  workers.on(0, [&](runtime::WorkerThread& worker) {
    for (const auto& session : worker.dispatcher().sessions().all()) total += session->activity().packets_in;
  });
  return total;
}

TEST_CASE("packets held between two sessions are sent before anything is saved") {
  Workers workers(turnConfig(""), 1);
  Client ann(workers.address()), ben(workers.address());
  ann.bind(ben.relayed);
  ben.bind(ann.relayed);
  ann.say("before");
  CHECK(ben.receive() == "before");
  // Longer than the test would wait.
  workers.reload(turnConfig("ingress { delay_ms: 10000 } egress { delay_ms: 10000 }"));
  const uint64_t before = packetsIn(workers);
  ann.say("to ben");
  ben.say("to ann");
  while (packetsIn(workers) < before + 2) {  // until both are read
  }
  runtime::PausedWorkers paused(workers.group());
  static_cast<void>(paused.save());
  CHECK(ben.receive() == "to ben");
  CHECK(ann.receive() == "to ann");
}

}  // namespace
}  // namespace sluice::test
