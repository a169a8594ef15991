#include "source/media/line_average.h"

#include <doctest/doctest.h>

#include <random>

namespace sluice::media {
namespace {

constexpr Duration kLook = 500ms;

constexpr Adaptation::Config kConfig{.rtt_ms = {80, 60},
                                     .loss = {0.05, 0.03},
                                     .busy = {0.7, 0.55},
                                     .hold = 5s,
                                     .bitrate_bps = 32'000,
                                     .narrowband_bitrate_bps = 16'000,
                                     .fec_bitrate_bps = 28'000};

struct Adapted {
  LineAverage average;
  Adaptation adaptation{kConfig};
  Instant now{std::chrono::hours{1}};
  uint32_t samples = 0;
  unsigned changes = 0;

  void sample(Adaptation::Line line, Duration lasts) {
    ++samples;
    for (; lasts > Duration::zero(); lasts -= kLook) {
      now += kLook;
      changes += adaptation.update(average.update(line, samples, now), now);
    }
  }
};

TEST_CASE("LineAverage: a single spike changes nothing, a lasting change does") {
  Adapted f;
  for (int i = 0; i < 20; ++i) f.sample({.rtt_ms = 30}, 5s);
  f.changes = 0;
  f.sample({.rtt_ms = 400}, 5s);
  f.sample({.rtt_ms = 30, .loss = 0.3}, 1s);
  for (int i = 0; i < 20; ++i) f.sample({.rtt_ms = 30}, 5s);
  CHECK(f.changes == 0);
  for (int i = 0; i < 12; ++i) f.sample({.rtt_ms = 110}, 1s);
  CHECK(f.adaptation.profile().frame_ms == 10);
  for (int i = 0; i < 12; ++i) f.sample({.rtt_ms = 30, .loss = 0.08}, 1s);
  CHECK(f.adaptation.profile().fec);
  CHECK(f.adaptation.profile().expected_loss_percent == 10);
  for (int i = 0; i < 20; ++i) f.sample({.rtt_ms = 30}, 1s);
  CHECK(f.adaptation.profile() == Profile{.bitrate_bps = 32'000});
}

TEST_CASE("LineAverage: the first round trip counts at once") {
  Adapted f;
  f.sample({}, 5s);
  f.sample({.rtt_ms = 100}, 1s);
  CHECK(f.adaptation.profile().frame_ms == 10);
}

TEST_CASE("with a loss of 3 % the profile hardly ever changes, with 8 % it stays at FEC") {
  for (const Duration interval : {1s, 5s}) {
    for (const double loss : {0.03, 0.08}) {
      CAPTURE(interval / 1ms);
      CAPTURE(loss);
      Adapted f;
      std::mt19937 random(1);
      const auto packets = static_cast<int>(interval / 20ms);
      std::binomial_distribution<> lost(packets, loss);
      for (Duration passed{}; passed < std::chrono::hours{10}; passed += interval) {
        f.sample({.rtt_ms = 30, .loss = lost(random) / static_cast<double>(packets)}, interval);
      }
      MESSAGE(f.changes << " changes in 10 hours");
      CHECK(f.changes <= 150);
      CHECK(f.adaptation.profile().fec == (loss > 0.05));
    }
  }
}

}  // namespace
}  // namespace sluice::media
