#include "source/reload/config_applier.h"

#include <sys/socket.h>

#include "test/reload/applier_fixture.h"

namespace sluice::reload {
namespace {

// Counts its calls; fails on request.
struct FakeParticipant final : Participant {
  Status prepare(const config::Settings&) override {
    ++prepared;
    if (fails) return Error{"fake", "cannot"};
    return Done{};
  }
  void abandon() override { ++abandoned; }
  void commit(const Running& running) override { committed.push_back(running.version); }

  bool fails = false;
  int prepared = 0;
  int abandoned = 0;
  std::vector<uint64_t> committed;
};

TEST_CASE("ConfigApplier: the first configuration and each reload take effect in every part") {
  ApplierFixture f;
  FakeParticipant first, second;
  f.applier.addParticipant(first);
  f.applier.addParticipant(second);
  f.start(forwardConfig());
  CHECK(f.version() == 1);
  CHECK(f.ports.addresses("l").size() == 1);
  CHECK(f.reload(forwardConfig("idle_timeout_s: 7")).ok());
  CHECK(f.version() == 2);
  CHECK(f.applier.running().generation->find("l")->idle_timeout == 7s);
  CHECK(first.committed == std::vector<uint64_t>{1, 2});
  CHECK(second.committed == std::vector<uint64_t>{1, 2});
  CHECK(f.applier.accepted() == 1);
  CHECK(f.applier.refused() == 0);
}

TEST_CASE("ConfigApplier: one participant that cannot prepare keeps the whole configuration") {
  ApplierFixture f;
  FakeParticipant first, second, third;
  for (FakeParticipant* each : {&first, &second, &third}) f.applier.addParticipant(*each);
  f.start(forwardConfig());
  const auto before = f.applier.running().generation;
  second.fails = true;
  const Status status = f.reload(forwardConfig("idle_timeout_s: 7 additional_addresses: '[::1]:0'"));
  REQUIRE_FALSE(status.ok());
  CHECK(f.ports.addresses("l").size() == 1);
  CHECK(toString(status.errors()) == "fake: cannot");
  CHECK(f.applier.running().generation == before);
  CHECK(f.version() == 1);
  CHECK(first.abandoned == 1);
  CHECK(second.abandoned == 1);
  CHECK(third.abandoned == 1);
  CHECK(third.committed.size() == 1);
  CHECK(f.applier.refused() == 1);
}

TEST_CASE("ConfigApplier: errors of all parts are reported at once") {
  ApplierFixture f;
  FakeParticipant participant;
  f.applier.addParticipant(participant);
  f.start(forwardConfig());
  const auto taken = f.network.reserve(*net::Address::parse("127.0.0.1:0"), {});
  REQUIRE(taken.ok());
  const std::string address = (*taken)->local().toString();
  participant.fails = true;
  const Status status = f.reload(forwardConfig("additional_addresses: '" + address + "'"));
  REQUIRE_FALSE(status.ok());
  REQUIRE(status.errors().size() == 2);
  CHECK(status.errors()[0].path == "listeners[0].additional_addresses[0]");
  CHECK(status.errors()[1].path == "fake");
  CHECK(participant.abandoned == 1);
  CHECK(participant.committed.size() == 1);
  CHECK(f.ports.addresses("l").size() == 1);
}

TEST_CASE("ConfigApplier: a file with errors keeps the running configuration, and reports all of them") {
  ApplierFixture f;
  f.start(forwardConfig());
  const Status status = f.reload(forwardConfig("idle_timeout_s: 0 max_sessions: 0"));
  REQUIRE_FALSE(status.ok());
  CHECK(status.errors().size() == 2);
  CHECK_FALSE(f.reload("listeners {").ok());
  std::filesystem::remove(f.applier.file());
  CHECK_FALSE(f.applier.reload("test").ok());
  CHECK(f.version() == 1);
  CHECK(f.applier.refused() == 3);
}

TEST_CASE("ConfigApplier: a reload cannot change settings that are read at start only") {
  ApplierFixture f;
  f.start(forwardConfig());
  const Status status = f.reload(forwardConfig() + "workers { max_packets: 2048 } takeover_socket: 'other'");
  REQUIRE_FALSE(status.ok());
  REQUIRE(status.errors().size() == 2);
  CHECK(status.errors()[0].path == "workers");
  CHECK(status.errors()[1].path == "takeover_socket");
}

TEST_CASE("ConfigApplier: nothing is applied while it is frozen") {
  ApplierFixture f;
  f.start(forwardConfig());
  f.applier.freeze("a takeover");
  CHECK(toString(f.reload(forwardConfig("idle_timeout_s: 7")).errors()) == "a takeover");
  CHECK_FALSE(f.applier.changeEnvironment({}).ok());
  f.applier.unfreeze();
  CHECK(f.applier.reload("test").ok());
}

TEST_CASE("ConfigApplier: an environment in which the configuration cannot be built is not adopted") {
  ApplierFixture f;
  const std::string config =
      "clusters { name: 'up' endpoints: '127.0.0.1:7' } listeners { name: 'l' address: '127.0.0.1:0' "
      "filter_chains { name: 'c' versions { name: 'v1' weight: 1 " +
      forwardFilter() + "} } } ";
  f.start(config);
  const auto listener = f.applier.running().bootstrap.listeners(0);
  Environment all_back = f.applier.environment();
  all_back.rolled_back[{"l", "c", "v1"}] = config::contentOf(listener.filter_chains(0).versions(0));
  CHECK_FALSE(f.applier.changeEnvironment(all_back).ok());
  CHECK(f.applier.environment().rolled_back.empty());
  CHECK(f.version() == 1);

  Environment moved = f.applier.environment();
  moved.machine = {*net::Address::parseIp("192.0.2.1")};
  CHECK(f.applier.changeEnvironment(moved).ok());
  CHECK(f.applier.environment().machine == moved.machine);
  CHECK(f.applier.running().generation->machine == moved.machine);
  CHECK(f.version() == 2);
}

TEST_CASE("ConfigApplier: a preview leaves no trace") {
  ApplierFixture f;
  f.start(forwardConfig());
  const auto bootstrap = config::parse(forwardConfig("idle_timeout_s: 7"), config::Format::kText, "preview");
  REQUIRE(bootstrap.ok());
  const auto preview = f.applier.preview(*bootstrap, f.applier.directory(), false);
  REQUIRE(preview.ok());
  CHECK(preview->generation->find("l")->idle_timeout == 7s);
  CHECK(f.applier.running().generation->find("l")->idle_timeout == 60s);
  CHECK(f.version() == 1);
}

}  // namespace
}  // namespace sluice::reload
