#include "source/media/adaptation.h"

#include <doctest/doctest.h>

namespace sluice::media {
namespace {

constexpr Adaptation::Config kConfig{.rtt_ms = {80, 60},
                                     .loss = {0.05, 0.03},
                                     .busy = {0.7, 0.55},
                                     .hold = 5s,
                                     .bitrate_bps = 32'000,
                                     .narrowband_bitrate_bps = 16'000,
                                     .fec_bitrate_bps = 28'000};

using opus::Bandwidth;
using opus::Mode;
using Line = Adaptation::Line;

constexpr Instant kStart{1h};

TEST_CASE("Adaptation: each row of the table is entered at once and left after the hold time") {
  struct Row {
    const char* name;
    Line line;
    Bandwidth bandwidth;
    unsigned frame_ms;
    std::optional<Mode> mode;
    bool fec;
    unsigned expected_loss_percent;
    unsigned complexity;
  };
  const Row rows[] = {
      {"good line", {20, 0.01, 0.3}, Bandwidth::kFull, 20, {}, false, 0, 10},
      {"far", {81, 0, 0}, Bandwidth::kNarrow, 10, {}, false, 0, 10},
      {"lossy", {20, 0.08, 0}, Bandwidth::kWide, 20, Mode::kSilk, true, 10, 10},
      {"very lossy", {20, 0.5, 0}, Bandwidth::kWide, 20, Mode::kSilk, true, 30, 10},
      {"busy", {20, 0, 0.71}, Bandwidth::kFull, 20, {}, false, 0, 2},
      {"far and lossy", {100, 0.08, 0}, Bandwidth::kNarrow, 10, Mode::kSilk, true, 10, 10},
      {"far and busy", {100, 0, 0.9}, Bandwidth::kNarrow, 10, {}, false, 0, 2},
      {"lossy and busy", {20, 0.06, 0.9}, Bandwidth::kWide, 20, Mode::kSilk, true, 10, 2},
      {"busy fight", {100, 0.08, 0.9}, Bandwidth::kNarrow, 10, Mode::kSilk, true, 10, 0},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Adaptation adaptation(kConfig);
    const Profile good = adaptation.profile();
    CHECK(adaptation.update(row.line, kStart) == (row.bandwidth != Bandwidth::kFull || row.complexity != 10));
    const Profile& profile = adaptation.profile();
    CHECK(profile.bandwidth == row.bandwidth);
    CHECK(profile.frame_ms == row.frame_ms);
    CHECK(profile.mode == row.mode);
    CHECK(profile.fec == row.fec);
    CHECK(profile.expected_loss_percent == row.expected_loss_percent);
    CHECK(profile.complexity == row.complexity);
    const Profile bad = profile;
    adaptation.update({}, kStart + 1s);
    adaptation.update({}, kStart + 4900ms);
    CHECK((profile == bad || bad.expected_loss_percent > 10));
    adaptation.update({}, kStart + 6100ms);
    CHECK(profile == good);
  }
}

TEST_CASE("Adaptation: the thresholds themselves change nothing") {
  Adaptation adaptation(kConfig);
  CHECK_FALSE(adaptation.update({80, 0.05, 0.7}, kStart));
}

TEST_CASE("Adaptation: between the thresholds the profile stays, and the hold time restarts") {
  Adaptation adaptation(kConfig);
  adaptation.update({100, 0, 0}, kStart);
  adaptation.update({70, 0, 0}, kStart + 20s);
  CHECK(adaptation.profile().bandwidth == Bandwidth::kNarrow);
  adaptation.update({50, 0, 0}, kStart + 21s);
  adaptation.update({70, 0, 0}, kStart + 25s);
  adaptation.update({50, 0, 0}, kStart + 27s);
  CHECK(adaptation.profile().bandwidth == Bandwidth::kNarrow);
  CHECK(adaptation.update({50, 0, 0}, kStart + 30s));
  CHECK(adaptation.profile().bandwidth == Bandwidth::kFull);
}

TEST_CASE("Adaptation: a line at the threshold does not oscillate") {
  Adaptation adaptation(kConfig);
  int changes = 0;
  for (int i = 0; i < 600; ++i) {
    changes += adaptation.update({i % 2 == 0 ? 75.0 : 85.0, 0, 0}, kStart + i * 100ms);
  }
  CHECK(changes == 1);
}

TEST_CASE("the expected loss rises at once and falls after the hold time") {
  Adaptation adaptation(kConfig);
  adaptation.update({0, 0.08, 0}, kStart);
  CHECK(adaptation.profile().expected_loss_percent == 10);
  adaptation.update({0, 0.18, 0}, kStart + 1s);
  CHECK(adaptation.profile().expected_loss_percent == 20);
  adaptation.update({0, 0.08, 0}, kStart + 2s);
  CHECK(adaptation.profile().expected_loss_percent == 20);
  adaptation.update({0, 0.08, 0}, kStart + 6100ms);
  CHECK(adaptation.profile().expected_loss_percent == 10);
}

TEST_CASE("the expected loss does not follow every report") {
  Adaptation adaptation(kConfig);
  adaptation.update({0, 0.08, 0}, kStart);
  for (int i = 0; i < 600; ++i) {
    CHECK_FALSE(adaptation.update({0, i % 2 == 0 ? 0.06 : 0.12, 0}, kStart + i * 100ms));
  }
}

TEST_CASE("Adaptation: thresholds are configurable") {
  Adaptation::Config config = kConfig;
  config.rtt_ms = {200, 150};
  config.hold = 1s;
  Adaptation adaptation(config);
  CHECK_FALSE(adaptation.update({150, 0, 0}, kStart));
  CHECK(adaptation.update({201, 0, 0}, kStart));
  adaptation.configure(kConfig);
  adaptation.update({100, 0, 0}, kStart + 10s);
  CHECK(adaptation.profile().bandwidth == Bandwidth::kNarrow);
}

}  // namespace
}  // namespace sluice::media
