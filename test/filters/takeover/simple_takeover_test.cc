// marker, fragment, impair, pacer and adaptation in another process.
#include "filters/adaptation/adaptation.h"
#include "filters/fragment/fragment.h"
#include "filters/fragment/fragment_header.h"
#include "filters/impair/impair.h"
#include "filters/marker/marker.h"
#include "filters/pacer/pacer.h"
#include "test/filters/takeover/takeover.h"

namespace sluice {
namespace {

using test::ChainHarness;
using test::checkCuts;

// A chain before and after the takeover, each on a worker of its process.
struct Fixture {
  explicit Fixture(std::vector<test::FilterConfig> with) : filters(std::move(with)) {}

  std::unique_ptr<ChainHarness> make() { return std::make_unique<ChainHarness>(next_worker, filters); }
  void takeOver() { CHECK(after.takeOver(before) == ""); }
  void cut() {
    checkCuts(before.save(), [this] { return make(); });
  }
  void advance(Duration by) {
    clock.advance(by);
    next_worker.timers().run();
  }

  const std::vector<test::FilterConfig> filters;
  ManualClock clock;
  test::FakeWorker worker{clock}, next_worker{clock};
  ChainHarness before{worker, filters}, after{next_worker, filters};
};

std::vector<uint8_t> voice(uint8_t tag, size_t size = 100) {
  std::vector<uint8_t> data(size, tag);
  data[0] = 0x80;
  data[1] = 111;
  return data;
}
std::vector<int> tags(const std::vector<test::Captured>& packets) {
  std::vector<int> out;
  for (const auto& packet : packets) out.push_back(packet.data[2]);
  return out;
}

TEST_CASE("marker has no state and continues") {
  Fixture f({{marker::filterType(), "egress { all { dscp: 46 } }"}});
  f.before.egress(voice(1));
  f.cut();
  f.takeOver();
  f.after.egress(voice(2));
  CHECK(f.after.outer[0].tos == 46 << 2);
}

TEST_CASE("impair releases all delayed packets, in both directions") {
  Fixture f({{impair::filterType(), "ingress { delay_ms: 500 } egress { delay_ms: 500 }"}});
  f.before.ingress(voice(1));
  f.before.egress(voice(2));
  CHECK(f.before.inner.empty());
  f.takeOver();
  CHECK(tags(f.before.inner) == std::vector{1});
  CHECK(tags(f.before.outer) == std::vector{2});
  f.after.ingress(voice(3));
  CHECK(f.after.inner.empty());
  f.advance(500ms);
  CHECK(tags(f.after.inner) == std::vector{3});
}

std::vector<uint8_t> fragment(uint16_t id, uint8_t index, uint8_t last) {
  std::vector<uint8_t> out(fragment::FragmentHeader::kSize + 10);
  fragment::write({.id = id, .index = index, .last = last}, out.data());
  return out;
}
uint16_t idOf(const test::Captured& packet) {
  const auto header = fragment::parse(packet.data);
  REQUIRE(header);
  return header->id;
}

TEST_CASE("fragment continues to split for a client that splits, and its numbers continue") {
  Fixture f({{fragment::filterType(), ""}});
  f.before.ingress(fragment(7, 0, 1));
  f.before.ingress(fragment(7, 1, 1));
  f.before.egress(voice(1, 1400));
  f.before.ingress(fragment(8, 0, 1));  // stays in the old process
  REQUIRE(f.before.outer.size() == 2);
  f.cut();
  f.takeOver();
  f.after.egress(voice(2, 1400));
  REQUIRE(f.after.outer.size() == 2);
  CHECK(idOf(f.after.outer[0]) == static_cast<uint16_t>(idOf(f.before.outer[0]) + 1));
  f.after.ingress(fragment(8, 1, 1));
  CHECK(f.after.inner.empty());
}

// 1000 bytes per second, and three packets at once.
constexpr const char* kSlow = "rate_bps: 8000 burst_bytes: 300 max_delay_ms: 10000";

TEST_CASE("pacer releases all waiting packets, and the bucket keeps its debt") {
  Fixture f({{pacer::filterType(), kSlow}});
  for (uint8_t i = 0; i < 5; ++i) f.before.egress(voice(i));
  CHECK(tags(f.before.outer) == std::vector{0, 1, 2});
  f.cut();
  f.takeOver();
  CHECK(tags(f.before.outer) == std::vector{0, 1, 2, 3, 4});
  f.after.egress(voice(5));
  CHECK(f.after.outer.empty());
  f.advance(99ms);
  CHECK(f.after.outer.empty());
  f.advance(2ms);
  CHECK(tags(f.after.outer) == std::vector{5});
}

TEST_CASE("pacer's rate continues from the measured round trip, within the new configuration") {
  const std::string config =
      "rate_bps: 64000 adaptation { min_rate_bps: 8000 max_rate_bps: 128000 low_rtt_ms: 50 high_rtt_ms: 200 "
      "}";
  Fixture f({{pacer::filterType(), config}});
  rooms::Negotiated negotiated;
  negotiated.slots.resize(1);
  const auto player =
      std::make_shared<rooms::Player>(std::make_shared<rooms::Room>("room", 1), "player", negotiated);
  player->line.onRoundTrip(500ms);
  f.before.session.known_player = player;
  f.before.egress(voice(1));
  const auto rate = [](ChainHarness& chain) {
    chain::Description description;
    chain.chain().forEach(
        [&](const std::string&, const chain::Filter& filter) { filter.describe(description); });
    return description.at(0).second;
  };
  CHECK(rate(f.before) == "8000");
  f.takeOver();
  CHECK(rate(f.after) == "8000");
  const std::string faster = "rate_bps: 64000 adaptation { min_rate_bps: 16000 max_rate_bps: 128000 }";
  ChainHarness other(f.next_worker, {{pacer::filterType(), faster}});
  CHECK(other.takeOver(f.after) == "");
  CHECK(rate(other) == "16000");
}

struct Advised final : rooms::Observer {
  void onJoined(const rooms::PlayerPtr&) override {}
  void onLeft(const rooms::PlayerPtr&) override {}
  void onAdvised(const rooms::PlayerPtr&, const rooms::VoiceProfile& profile) override {
    profiles.push_back(profile);
  }
  std::vector<rooms::VoiceProfile> profiles;
};

TEST_CASE("adaptation keeps a speaker's profile, signals nothing twice and reverts it after the hold time") {
  Fixture f({{adaptation::filterType(), ""}});
  rooms::Directory directory({}, 1, f.clock), next_directory({}, 1, f.clock);
  Advised advised, advised_next;
  directory.addObserver(advised);
  next_directory.addObserver(advised_next);
  f.before.directory = &directory;
  f.after.directory = &next_directory;
  rooms::Negotiated negotiated;
  negotiated.sending.emplace();
  const auto player = *directory.join("room", "speaker", negotiated);
  const auto moved = *next_directory.join("room", "speaker", negotiated);
  const auto wait = [&](test::FakeWorker& worker, Duration duration) {
    for (; duration > Duration::zero(); duration -= 100ms) {
      f.clock.advance(100ms);
      for (const auto& p : {player, moved}) p->line.onRoundTrip(p->line.roundTrip());
      worker.timers().run();
      worker.runMain();
    }
  };
  for (const auto& p : {player, moved}) {
    p->observed.ssrc = 7;
    p->line.onRoundTrip(150ms);
  }
  f.before.session.known_player = player;
  f.before.chain();
  wait(f.worker, 5s);
  REQUIRE(advised.profiles.size() == 1);
  CHECK(advised.profiles[0].bandwidth_hz == 8'000);
  f.cut();
  CHECK(f.after.takeOver(f.before) == "");
  // A filter keeps the player that it was created with; this one is of its own process.
  ChainHarness there(f.next_worker, f.filters);
  there.directory = &next_directory;
  there.session.known_player = moved;
  CHECK(there.load(f.before.save()) == "");
  f.after.closeChain();
  wait(f.next_worker, 5s);
  CHECK(advised_next.profiles.empty());
  moved->line.onRoundTrip(20ms);
  wait(f.next_worker, 30s);
  REQUIRE(advised_next.profiles.size() == 1);
  CHECK(advised_next.profiles[0].bandwidth_hz == 48'000);
}

}  // namespace
}  // namespace sluice
