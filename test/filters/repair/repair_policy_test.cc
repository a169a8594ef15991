#include "filters/repair/repair_policy.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "filters/repair/repair_budget.h"
#include "source/rooms/loss_histogram.h"

namespace sluice::repair {
namespace {

TEST_CASE("each line gets the suitable repair mode") {
  struct Case {
    const char* name;
    Line line;
    RecoveryMode means;
  };
  const Line base{
      .nack = true, .red = true, .loss = 0.1, .mean_burst = 1, .round_trip = 40ms, .budget = 200ms};
  const auto with = [&](auto change) {
    Line line = base;
    change(line);
    return line;
  };
  const Case cases[] = {
      {"hardly any loss", with([](Line& l) { l.loss = 0.005; }), RecoveryMode::kNothing},
      {"time for a request", base, RecoveryMode::kNack},
      {"a round trip that just fits", with([](Line& l) { l.round_trip = 180ms; }), RecoveryMode::kNack},
      {"too far for a request: single losses", with([](Line& l) { l.round_trip = 181ms; }),
       RecoveryMode::kRed1},
      {"without NACK: single losses", with([](Line& l) { l.nack = false; }), RecoveryMode::kRed1},
      {"without NACK: bursts", with([](Line& l) { l.nack = false, l.mean_burst = 2; }), RecoveryMode::kRed2},
      {"bursts, but no time for a second frame",
       with([](Line& l) { l.nack = false, l.mean_burst = 2, l.budget = 30ms; }), RecoveryMode::kRed1},
      {"without NACK, and loses little", with([](Line& l) { l.nack = false, l.loss = 0.02; }),
       RecoveryMode::kFec},
      {"loses much", with([](Line& l) { l.loss = 0.2; }), RecoveryMode::kNackRed1},
      {"loses much, and has no RED", with([](Line& l) { l.loss = 0.2, l.red = false; }), RecoveryMode::kNack},
      {"neither", with([](Line& l) { l.nack = l.red = false; }), RecoveryMode::kFec},
      {"delay before bytes", with([](Line& l) { l.prefer_delay = true; }), RecoveryMode::kRed1},
      {"delay before bytes, and loses little", with([](Line& l) { l.prefer_delay = true, l.loss = 0.015; }),
       RecoveryMode::kNack},
      {"delay before bytes, bursts", with([](Line& l) { l.prefer_delay = true, l.mean_burst = 3; }),
       RecoveryMode::kRed2},
      {"delay before bytes, and loses much", with([](Line& l) { l.prefer_delay = true, l.loss = 0.2; }),
       RecoveryMode::kRed2},
      {"delay before bytes, but no RED", with([](Line& l) { l.prefer_delay = true, l.red = false; }),
       RecoveryMode::kNack},
      {"too far and no RED", with([](Line& l) { l.round_trip = 300ms, l.red = false; }), RecoveryMode::kFec},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    CHECK(name(chooseMode(c.line)) == name(c.means));
  }
}

TEST_CASE("a repair mode is kept for three seconds, but repair begins at once") {
  RepairPolicy policy;
  Instant now{1h};
  const Line bad{
      .nack = true, .red = true, .loss = 0.1, .mean_burst = 1, .round_trip = 40ms, .budget = 200ms};
  Line good = bad;
  good.loss = 0;
  CHECK(policy.update(bad, now) == RecoveryMode::kNack);
  now += 2s;
  CHECK(policy.update(good, now) == RecoveryMode::kNack);
  now += 1s;
  CHECK(policy.update(good, now) == RecoveryMode::kNothing);
}

// The repair mode of a line that has NACK and RED, for each half second. `loss`: by the second, and whether
// RED is sent.
std::vector<RecoveryMode> follow(double (*loss)(int second, bool red)) {
  RepairPolicy policy;
  std::vector<RecoveryMode> means;
  Instant now{1h};
  for (int i = 0; i < 2 * 120; ++i, now += 500ms) {
    means.push_back(policy.update({.nack = true,
                                   .red = true,
                                   .prefer_delay = true,
                                   .loss = loss(i / 2, frames(policy.current()) > 0),
                                   .round_trip = 40ms,
                                   .budget = 200ms},
                                  now));
  }
  return means;
}

TEST_CASE("a line without capacity for RED uses NACK instead, and RED is tried again after half a minute") {
  const auto means = follow([](int, bool red) { return red ? 0.14 : 0.05; });
  CHECK(means[0] == RecoveryMode::kNack);
  CHECK(means[2 * 3] == RecoveryMode::kRed1);
  CHECK(means[2 * 9] == RecoveryMode::kRed1);
  for (int second = 10; second < 58; ++second) CHECK(means[2 * second] == RecoveryMode::kNack);
  CHECK(means[2 * 60] == RecoveryMode::kRed1);
  CHECK(means[2 * 70] == RecoveryMode::kNack);
}

TEST_CASE("a line that becomes worse by itself has capacity for RED") {
  const auto means = follow([](int second, bool) { return second < 6 ? 0.02 : 0.1; });
  CHECK(means[2 * 3] == RecoveryMode::kRed1);
  CHECK(std::ranges::count(means, RecoveryMode::kNack) <= 2 * 23);  // until the comparison shows it
  for (int second = 30; second < 120; ++second) CHECK(means[2 * second] == RecoveryMode::kRed1);
}

TEST_CASE("a line that loses about the same with RED as without has capacity for it") {
  const auto means = follow([](int second, bool red) { return second < 30 || !red ? 0.05 : 0.09; });
  CHECK(std::ranges::count(means, RecoveryMode::kRed1) == 2 * 117);
}

TEST_CASE("a line whose capacity is lost later uses NACK instead") {
  const auto means = follow([](int second, bool red) { return second > 60 && red ? 0.14 : 0.05; });
  CHECK(means[2 * 60] == RecoveryMode::kRed1);
  for (int second = 62; second < 105; ++second) CHECK(means[2 * second] == RecoveryMode::kNack);
}

TEST_CASE("reports every five seconds are enough to detect the capacity") {
  RepairPolicy policy;
  LossEstimate estimate;
  Instant now{1h};
  int with_red = 0;
  for (int i = 0; i < 50 * 60; ++i, now += 20ms) {
    const bool red = frames(policy.current()) > 0;
    with_red += red && i >= 50 * 15;
    estimate.onSent(0, now);
    if (i % 250 == 0) estimate.onReport(red ? 0.2 : 0.05, now);
    if (i % 25 != 0) continue;
    policy.update({.nack = true,
                   .red = true,
                   .prefer_delay = true,
                   .loss = estimate.loss(),
                   .round_trip = 40ms,
                   .budget = 200ms},
                  now);
  }
  CHECK(with_red < 50 * 10);
}

TEST_CASE("loss is measured from the receiver's requests and reports, and is forgotten") {
  LossEstimate estimate;
  Instant now{1h};
  for (int i = 0; i < 500; ++i) {
    now += 20ms;
    estimate.onSent(0, now);
    if (i % 20 == 0) estimate.onLost(2, now);
  }
  CHECK(estimate.loss() == doctest::Approx(0.1).epsilon(0.2));
  CHECK(estimate.meanBurst() == doctest::Approx(2));
  for (int i = 0; i < 1000; ++i) estimate.onSent(0, now += 20ms);
  CHECK(estimate.loss() < 0.01);
  estimate.onReport(0.25, now);
  CHECK(estimate.loss() == doctest::Approx(0.25));
}

TEST_CASE("packets that never arrived from the speaker do not count as the receiver's loss") {
  LossEstimate estimate;
  Instant now{1h};
  for (int i = 0; i < 500; ++i) estimate.onSent(i % 9 == 0 ? 1 : 0, now += 20ms);
  estimate.onReport(0.1, now);
  CHECK(estimate.loss() < 0.01);
  estimate.onReport(0.19, now);  // it lost a tenth of the rest
  CHECK(estimate.loss() == doctest::Approx(0.1).epsilon(0.05));
  for (int i = 0; i < 500; ++i) estimate.onSent(i % 9 == 0 ? 1 : i % 9 == 3 ? -1 : 0, now += 20ms);
  estimate.onReport(0.1, now);  // all arrived from the speaker, one reordered
  CHECK(estimate.loss() == doctest::Approx(0.1).epsilon(0.1));
}

TEST_CASE("the packet that begins a pause is repeated on a line with loss, twice on a line with much loss") {
  CHECK(pauseRepeats({.loss = 0.005}) == 0);
  CHECK(pauseRepeats({.loss = 0.05}) == 1);
  CHECK(pauseRepeats({.loss = 0.05, .mean_burst = 3}) == 2);
  CHECK(pauseRepeats({.loss = 0.3}) == 2);
}

TEST_CASE("repair costs at most its share of the voice") {
  RepairBudget budget(0.35);
  size_t repaired = 0;
  size_t voice = 0;
  for (int i = 0; i < 10'000; ++i) {
    budget.onVoice(150);
    voice += 150;
    if (budget.take(150)) repaired += 150;
  }
  CHECK(repaired <= voice * 0.35 + 3000);
  CHECK(repaired >= voice * 0.34);
}

TEST_CASE("a room's loss is a percentile of its receivers' loss, not the worst") {
  rooms::LossHistogram census;
  CHECK(census.percentile(75) == 0);
  int classes[10];
  for (int& c : classes) c = census.enter(0, rooms::LossHistogram::kNone);
  classes[0] = census.enter(0.5, classes[0]);
  CHECK(census.percentile(75) == 0);
  CHECK(census.percentile(100) == doctest::Approx(0.5));
  for (int i = 1; i < 4; ++i) classes[i] = census.enter(0.1, classes[i]);
  CHECK(census.percentile(75) == doctest::Approx(0.1));
  for (const int c : classes) census.leave(c);
  CHECK(census.percentile(75) == 0);
}

}  // namespace
}  // namespace sluice::repair
