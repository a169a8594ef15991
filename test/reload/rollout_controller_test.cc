#include "source/reload/rollout_controller.h"

#include "test/reload/applier_fixture.h"

namespace sluice::reload {
namespace {

std::string twoVersions(unsigned weight, const std::string& rule = "step_back { window_s: 10 }") {
  const auto version = [](const std::string& name, unsigned share) {
    return "versions { name: '" + name + "' weight: " + std::to_string(share) + " " + forwardFilter() + "} ";
  };
  return "clusters { name: 'up' endpoints: '127.0.0.1:7' } listeners { name: 'l' address: '127.0.0.1:0' "
         "filter_chains { name: 'c' " +
         version("old", 9) + version("new", weight) + rule + " } } ";
}

struct Fixture : ApplierFixture {
  Fixture() { applier.addParticipant(rollouts); }

  const chain::ChainSpec& version(const std::string& name) const {
    for (const auto& chain : applier.running().generation->find("l")->chains) {
      if (chain->version == name) return *chain;
    }
    throw std::out_of_range(name);
  }
  bool serves(const std::string& name) const { return version(name).end_bucket > version(name).first_bucket; }
  // A second in which the version gets this many packets and drops some of them.
  void pass(const std::string& name, uint64_t packets, uint64_t dropped) {
    stats::FilterStats& stats = *version(name).filters[0].stats[0];
    stats.ingress.packets.add(packets);
    stats.drops[0].add(dropped);
  }
  void second() {
    rollouts.check();
    clock.advance(1s);
  }

  RolloutController rollouts{applier, clock};
};

TEST_CASE("RolloutController: a newest version that drops more gets no session any more") {
  Fixture f;
  f.start(twoVersions(1));
  REQUIRE(f.serves("new"));
  f.second();
  f.pass("old", 10'000, 0);
  f.pass("new", 2'000, 100);
  f.second();
  CHECK_FALSE(f.serves("new"));
  CHECK(f.serves("old"));
  CHECK(f.applier.environment().rolled_back.contains({"l", "c", "new"}));
  CHECK(f.applier.running().version == 2);
}

TEST_CASE(
    "RolloutController: a version stays when it drops no more than the others, or too little was seen") {
  Fixture f;
  f.start(twoVersions(1));
  f.second();
  f.pass("old", 10'000, 500);
  f.pass("new", 2'000, 100);
  f.second();
  f.pass("new", 100, 100);
  f.second();
  CHECK(f.serves("new"));
  CHECK(f.applier.running().version == 1);
}

TEST_CASE("RolloutController: without a rule nothing is rolled back") {
  Fixture f;
  f.start(twoVersions(1, ""));
  f.second();
  f.pass("old", 10'000, 0);
  f.pass("new", 2'000, 2'000);
  f.second();
  CHECK(f.serves("new"));
}

TEST_CASE("RolloutController: samples from before a reload count if the rule is unchanged") {
  Fixture f;
  f.start(twoVersions(1));
  f.second();
  f.pass("old", 10'000, 0);
  f.pass("new", 900, 100);
  f.second();
  CHECK(f.reload(twoVersions(1) + "limits { max_rooms: 5 }").ok());
  f.pass("new", 200, 0);
  f.second();
  CHECK_FALSE(f.serves("new"));
}

TEST_CASE("RolloutController: a version that was rolled back serves again when its filters change") {
  Fixture f;
  f.start(twoVersions(1));
  f.second();
  f.pass("old", 10'000, 0);
  f.pass("new", 2'000, 100);
  f.second();
  REQUIRE_FALSE(f.serves("new"));
  std::string mended = twoVersions(1);
  mended.replace(mended.rfind("cluster: 'up'"), 13, "cluster: 'up' sockets: SHARED");
  CHECK(f.reload(mended).ok());
  CHECK(f.serves("new"));
  CHECK(f.applier.environment().rolled_back.empty());
}

}  // namespace
}  // namespace sluice::reload
