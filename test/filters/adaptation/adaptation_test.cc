#include "filters/adaptation/adaptation.h"

#include <doctest/doctest.h>

#include "source/codec/rtcp_feedback.h"
#include "test/support/harness.h"

namespace sluice {
namespace {

using test::ChainHarness;

struct Advised final : rooms::Observer {
  void onJoined(const rooms::PlayerPtr&) override {}
  void onLeft(const rooms::PlayerPtr&) override {}
  void onAdvised(const rooms::PlayerPtr&, const rooms::VoiceProfile& profile) override {
    profiles.push_back(profile);
  }
  std::vector<rooms::VoiceProfile> profiles;
};

struct Fixture {
  ManualClock clock;
  test::FakeWorker worker{clock};
  rooms::Directory directory{{}, 1, clock};
  Advised advised;
  ChainHarness chain;
  rooms::PlayerPtr player;

  explicit Fixture(const char* config = "", bool sends = true,
                   rooms::Feedback agreed = {.remb = true, .tmmbr = true})
      : chain(worker, {{adaptation::filterType(), config}}) {
    directory.addObserver(advised);
    rooms::Negotiated negotiated;
    if (sends) negotiated.sending.emplace().feedback = agreed;
    negotiated.slots.resize(1);
    negotiated.slots[0].ssrc = 9;
    player = *directory.join("room", "speaker", negotiated);
    player->observed.ssrc = 7;
    chain.directory = &directory;
    chain.session.known_player = player;
    chain.chain();
  }
  void wait(Duration duration) {
    for (; duration > Duration::zero(); duration -= 100ms) {
      clock.advance(100ms);
      player->line.onRoundTrip(player->line.roundTrip());
      worker.timers().run();
      worker.runMain();
    }
  }
  // The last bit rate signalled by RTCP: by REMB, by TMMBR.
  std::pair<uint64_t, uint64_t> signalled() const {
    REQUIRE(!chain.outer.empty());
    CHECK(chain.outer.back().kind == PacketKind::kRtcp);
    rtcp::Reader reader(chain.outer.back().data);
    std::pair<uint64_t, uint64_t> rates{};
    while (const auto part = reader.next()) {
      if (const auto bps = rtcp::readRemb(*part)) rates.first = *bps;
      if (const auto bps = rtcp::readTmmbr(*part, 7)) rates.second = *bps;
    }
    CHECK(reader.done());
    return rates;
  }
};

TEST_CASE("on a good line no profile is signalled to a speaker, and packets pass") {
  Fixture f;
  f.wait(10s);
  CHECK(f.chain.outer.empty());
  CHECK(f.advised.profiles.empty());
  f.chain.egress(std::vector<uint8_t>(20, 1));
  f.chain.ingress(std::vector<uint8_t>(20, 1));
  CHECK(f.chain.outer.size() == 1);
  CHECK(f.chain.inner.size() == 1);
}

TEST_CASE("each row of the table is signalled by event and by RTCP, and reverted after the hold time") {
  struct Case {
    const char* name;
    uint32_t rtt_ms;
    uint32_t loss_permille;
    double busy;
    rooms::VoiceProfile profile;
  };
  const Case cases[] = {
      {"far", 100, 0, 0, {8'000, 10, false, 0, 16'000}},
      {"lossy", 20, 80, 0, {16'000, 20, true, 10, 28'000}},
      {"far and lossy", 100, 80, 0, {8'000, 10, true, 10, 28'000}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    Fixture f;
    f.player->line.onRoundTrip(std::chrono::microseconds{c.rtt_ms * 1000});
    f.player->line.setRoutedLoss(c.loss_permille / 1000.0);
    f.worker.busy_share = c.busy;
    f.wait(8s);
    REQUIRE(!f.advised.profiles.empty());
    f.advised.profiles.erase(f.advised.profiles.begin(), f.advised.profiles.end() - 1);
    const rooms::VoiceProfile& profile = f.advised.profiles[0];
    CHECK(profile.bandwidth_hz == c.profile.bandwidth_hz);
    CHECK(profile.frame_ms == c.profile.frame_ms);
    CHECK(profile.fec == c.profile.fec);
    CHECK(profile.expected_loss_percent == c.profile.expected_loss_percent);
    CHECK(profile.bitrate_bps == c.profile.bitrate_bps);
    CHECK(f.player->advice->frame_ms == c.profile.frame_ms);
    const double expected = c.profile.bitrate_bps + 56 * 8 * 1000.0 / c.profile.frame_ms;
    CHECK(f.signalled().first == doctest::Approx(expected).epsilon(0.001));
    CHECK(f.signalled().second == doctest::Approx(expected).epsilon(0.001));
    CHECK(f.chain.counted("adaptation", "changes") <= 2);

    const size_t sent = f.chain.outer.size();
    f.wait(10s);
    CHECK(f.chain.outer.size() == sent + 2);  // the profile is repeated every five seconds
    CHECK(f.advised.profiles.size() == 1);

    f.player->line.onRoundTrip(std::chrono::microseconds{20'000});
    f.player->line.setRoutedLoss(0);
    f.wait(5s);  // the hold time, before which the average has to fall
    CHECK(f.advised.profiles.back().bandwidth_hz != 48'000);
    for (int i = 0; i < 10 && f.advised.profiles.back().bandwidth_hz != 48'000; ++i) f.wait(1s);
    CHECK(f.advised.profiles.back().bandwidth_hz == 48'000);
    CHECK(f.signalled().first >= 900'000);
    const size_t last = f.chain.outer.size();
    f.wait(20s);
    CHECK(f.chain.outer.size() == last + 2);  // the release can be lost too
    CHECK(f.signalled().first >= 900'000);
  }
}

TEST_CASE(
    "a busy worker lowers only the complexity, which browsers choose themselves: it is counted as a change "
    "and not sent by RTCP") {
  Fixture f;
  f.worker.busy_share = 0.9;
  f.wait(1s);
  CHECK(f.chain.counted("adaptation", "changes") == 1);
}

TEST_CASE("the loss of most receivers counts, that of one receiver does not") {
  Fixture f;
  rooms::LossHistogram& census = f.player->room->receiverLoss();
  for (int i = 0; i < 9; ++i) census.enter(0, rooms::LossHistogram::kNone);
  census.enter(0.5, rooms::LossHistogram::kNone);
  f.wait(2s);
  CHECK(f.advised.profiles.empty());
  for (int i = 0; i < 10; ++i) census.enter(0.08, rooms::LossHistogram::kNone);
  f.wait(9s);
  REQUIRE(f.advised.profiles.size() == 1);
  CHECK(f.advised.profiles[0].fec);
}

TEST_CASE("players that do not speak, and clients that were not announced, are not advised") {
  Fixture receiver("", false);
  receiver.player->line.onRoundTrip(std::chrono::microseconds{200'000});
  receiver.wait(3s);
  CHECK(receiver.advised.profiles.empty());
  ChainHarness unannounced(receiver.worker, {{adaptation::filterType(), ""}});
  unannounced.ingress(std::vector<uint8_t>(20, 1));
  CHECK(unannounced.inner.size() == 1);
}

TEST_CASE("each way of signalling can be turned off, also by a reload") {
  Fixture f("remb: false events: false");
  f.player->line.onRoundTrip(std::chrono::microseconds{100'000});
  f.wait(1s);
  CHECK(f.advised.profiles.empty());
  CHECK(f.signalled().first == 0);
  CHECK(f.signalled().second > 0);
  f.chain.reload({{adaptation::filterType(), "remb: false tmmbr: false"}});
  const size_t sent = f.chain.outer.size();
  f.wait(20s);
  CHECK(f.chain.outer.size() == sent);
}

TEST_CASE("only the negotiated RTCP feedback is sent") {
  Fixture f("", true, {.tmmbr = true});
  f.player->line.onRoundTrip(std::chrono::microseconds{100'000});
  f.wait(1s);
  CHECK(f.signalled().first == 0);
  CHECK(f.signalled().second > 0);
  Fixture nothing("", true, {});
  nothing.player->line.onRoundTrip(std::chrono::microseconds{100'000});
  nothing.wait(1s);
  CHECK(nothing.chain.outer.empty());
  CHECK(nothing.advised.profiles.size() == 1);
}

TEST_CASE("without a free packet buffer nothing is sent by RTCP, and it is counted") {
  Fixture f;
  std::vector<net::PacketPtr> hoard;
  while (net::PacketPtr packet = f.worker.pool().acquire()) hoard.push_back(std::move(packet));
  f.player->line.onRoundTrip(std::chrono::microseconds{100'000});
  f.wait(1s);
  CHECK(f.chain.dropped("adaptation", "no_packet") == 1);
  for (auto& packet : hoard) packet->settle();
}

TEST_CASE("an invalid configuration is refused with its path") {
  struct Case {
    const char* config;
    const char* path;
  };
  const Case cases[] = {{"rtt_high_ms: 0", "rtt_high_ms"},
                        {"rtt_high_ms: 50", "rtt_low_ms"},
                        {"loss_high_percent: 101", "loss_high_percent"},
                        {"interval_ms: 99", "interval_ms"},
                        {"listener_loss_percentile: 101", "listener_loss_percentile"},
                        {"bitrate_bps: 5999", "bitrate_bps"}};
  for (const Case& c : cases) {
    CAPTURE(c.config);
    const Errors errors = test::errorsOf({adaptation::filterType(), c.config});
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].path == c.path);
  }
}

}  // namespace
}  // namespace sluice
