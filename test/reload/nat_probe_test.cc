#include "source/reload/nat_probe.h"

#include <doctest/doctest.h>

#include "test/reload/stun_response.h"
#include "test/support/harness.h"

namespace sluice::reload {
namespace {

const net::Address kLocal = *net::Address::parseIp("192.0.2.7");
const net::Address kServer = *net::Address::parse("198.51.100.1:3478");

struct Fixture {
  void begin() {
    probe = std::make_unique<NatProbe>(network, worker.pool(), worker.timers(),
                                       NatProbe::Options{.local = kLocal,
                                                         .server = kServer,
                                                         .interval = 300s,
                                                         .found = [this](const net::Address& external) {
                                                           found.push_back(external.ipString());
                                                         }});
  }
  void wait(Duration by) {
    const Instant end = clock.now() + by;
    for (Instant next = worker.timers().next(); next <= end; next = worker.timers().next()) {
      clock.advance(std::max(next - clock.now(), Duration{}));
      worker.timers().run();
    }
    clock.advance(end - clock.now());
  }
  // To the last request, or to another transaction.
  void respond(const std::string& mapped, const net::Address& from = kServer, uint8_t other = 0,
               uint16_t method = stun::kBinding) {
    const auto request = stun::parse(network.sent.back().data);
    REQUIRE(request);
    stun::TransactionId id = request->id;
    id[0] ^= other;
    network.deliver(from, network.lastOpened(), bindingResponse(id, mapped, method));
  }

  ManualClock clock;
  test::FakeWorker worker{clock};
  test::FakeNetwork& network = worker.network();
  std::vector<std::string> found;
  std::unique_ptr<NatProbe> probe;
};

TEST_CASE("the address is queried at once, then at the interval, and changes are reported") {
  Fixture f;
  f.begin();
  CHECK(f.network.sent.size() == 1);
  CHECK(f.network.sent[0].to == kServer);
  f.respond("203.0.113.1");
  f.wait(299900ms);
  CHECK(f.network.sent.size() == 1);
  f.wait(200ms);
  CHECK(f.network.sent.size() == 2);
  f.respond("203.0.113.2");
  CHECK(f.found == std::vector<std::string>{"203.0.113.1", "203.0.113.2"});
}

TEST_CASE(
    "RFC 8489 6.2.1: a silent server gets seven requests, with doubled waits, and another query later") {
  Fixture f;
  f.begin();
  std::vector<size_t> asked;
  for (const Duration wait : {499ms, 2ms, 998ms, 2ms, 1998ms, 2ms}) {
    f.wait(wait);
    asked.push_back(f.network.sent.size());
  }
  CHECK(asked == std::vector<size_t>{1, 2, 2, 3, 3, 4});
  f.wait(335900ms);  // 31.5 s until the last request, 8 s for its response, 300 s until the next query
  CHECK(f.network.sent.size() == 7);
  f.wait(200ms);
  CHECK(f.network.sent.size() == 8);
  f.respond("203.0.113.1");
  CHECK(f.found.size() == 1);
}

TEST_CASE("messages that are not a response to the query are ignored") {
  Fixture f;
  f.begin();
  f.respond("203.0.113.1", *net::Address::parse("198.51.100.2:3478"));
  f.respond("203.0.113.1", kServer, 1);
  f.respond("2001:db8::1");
  f.respond("203.0.113.1", kServer, 0, stun::kAllocate);
  CHECK(f.found.empty());
  f.respond("203.0.113.1");
  f.respond("203.0.113.9");  // once is enough
  CHECK(f.found == std::vector<std::string>{"203.0.113.1"});
}

TEST_CASE("an address that cannot be bound is tried again") {
  Fixture f;
  f.network.exhausted = true;
  f.begin();
  CHECK(f.network.sent.empty());
  f.network.exhausted = false;
  f.wait(300200ms);
  CHECK(f.network.sent.size() == 1);
}

}  // namespace
}  // namespace sluice::reload
