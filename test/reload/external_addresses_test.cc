#include "source/reload/external_addresses.h"

#include "source/codec/stun.h"
#include "test/reload/applier_fixture.h"
#include "test/reload/stun_response.h"
#include "test/support/harness.h"

namespace sluice::reload {
namespace {

const net::Address kLocal = *net::Address::parseIp("192.0.2.7");
const net::Address kServer = *net::Address::parse("198.51.100.1:3478");

std::string behindNat(const std::string& more = "") {
  return "clusters { name: 'up' endpoints: '127.0.0.1:7' } listeners { name: 'l' address: '0.0.0.0:0' "
         "filter_chains { name: 'c' " +
         forwardFilter() + "} } nat { external_address: 'auto' stun_server: '198.51.100.1:3478' " + more +
         "} ";
}

struct Fixture : ApplierFixture {
  Fixture() : ApplierFixture({.machine = {kLocal}, .discovered = {}, .rolled_back = {}}) {
    applier.addParticipant(addresses);
  }
  // The STUN server's response to the last request.
  void respond(const std::string& mapped) {
    const auto request = stun::parse(network.sent.back().data);
    REQUIRE(request);
    network.deliver(kServer, network.lastOpened(), bindingResponse(request->id, mapped));
    for (auto& task : std::exchange(posted, {})) task();
  }
  std::string external() const {
    return applier.running().settings.nat.addresses->toExternal(kLocal).ipString();
  }

  test::FakeWorker worker{clock};
  test::FakeNetwork& network = worker.network();
  std::vector<std::function<void()>> posted;
  std::set<net::Address> machine{kLocal};
  ExternalAddresses addresses{applier,
                              {.clock = clock,
                               .network = network,
                               .packets = worker.pool(),
                               .timers = worker.timers(),
                               .machine = [this]() -> Result<std::set<net::Address>> { return machine; },
                               .post = [this](auto task) { posted.push_back(std::move(task)); }}};
};

TEST_CASE("ExternalAddresses: addresses from the STUN server take effect, and only new ones are applied") {
  Fixture f;
  f.start(behindNat());
  REQUIRE(f.network.sent.size() == 1);
  f.respond("203.0.113.9");
  CHECK(f.external() == "203.0.113.9");
  CHECK(f.version() == 2);
  CHECK(f.network.sent.size() == 1);  // the same probe continues
  f.clock.advance(300s);
  f.worker.timers().run();
  f.respond("203.0.113.9");
  CHECK(f.version() == 2);
}

TEST_CASE("ExternalAddresses: the machine's addresses are checked every ten seconds") {
  Fixture f;
  f.start(behindNat());
  f.addresses.check();
  f.machine.insert(*net::Address::parseIp("192.0.2.8"));
  f.clock.advance(9s);
  f.addresses.check();
  CHECK(f.version() == 1);
  f.clock.advance(1s);
  f.addresses.check();
  CHECK(f.version() == 2);
  CHECK(f.applier.running().generation->machine == f.machine);
  CHECK(f.network.sent.size() == 1 + 2);  // both addresses are queried from the start
}

TEST_CASE("ExternalAddresses: a request to another STUN server is sent at once") {
  Fixture f;
  f.start(behindNat());
  CHECK(f.reload(behindNat("refresh_interval_s: 10")).ok());
  CHECK(f.network.sent.size() == 2);
  CHECK(f.reload(forwardConfig()).ok());
  f.clock.advance(60s);
  f.worker.timers().run();
  CHECK(f.network.sent.size() == 2);
}

}  // namespace
}  // namespace sluice::reload
