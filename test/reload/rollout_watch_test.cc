#include "source/reload/rollout_watch.h"

#include <doctest/doctest.h>

namespace sluice::reload {
namespace {

struct Line {
  uint64_t packets = 0, drops = 0, successes = 0, failures = 0;  // in each second
};

const config::StepBackRule kRule{
    .listener = {}, .chain = {}, .factor = 2, .window = 60s, .min_packets = 1000, .min_handshakes = 10};

// The second in which the newest version was found worse, and the reason; -1: not within two minutes.
std::pair<int, std::string> secondOf(const Line& newest, const Line& others,
                                     config::StepBackRule rule = kRule) {
  RolloutWatch watch(rule);
  ChainHealth a, b;
  for (int second = 0; second < 120; ++second) {
    a += {newest.packets, newest.drops, newest.successes, newest.failures};
    b += {others.packets, others.drops, others.successes, others.failures};
    const std::string why = watch.compare(a, b, 1, Instant(std::chrono::seconds{1000 + second}));
    if (!why.empty()) return {second, why};
  }
  return {-1, ""};
}

TEST_CASE(
    "a version is rolled back for drops or failed handshakes beyond the factor, once it has received "
    "enough") {
  struct Case {
    const char* what;
    Line newest, others;
    int second;
  };
  const Case cases[] = {
      {"equal", {1000, 10}, {9000, 90}, -1},
      {"twice as many is not yet more", {1000, 20}, {9000, 90}, -1},
      {"three times", {1000, 30}, {9000, 90}, 1},
      {"little is known yet", {100, 30}, {9000, 0}, 10},
      {"drops that hardly matter", {1000, 1}, {9000, 0}, -1},
      {"others drop nothing", {1000, 10}, {9000, 0}, 1},
      {"others are as bad", {1000, 300}, {9000, 2700}, -1},
      {"handshakes", {0, 0, 1, 1}, {0, 0, 9, 0}, 5},
      {"few handshakes fail everywhere", {0, 0, 9, 1}, {0, 0, 90, 10}, -1},
      {"no traffic", {}, {9000, 90}, -1},
  };
  for (const Case& each : cases) {
    CAPTURE(each.what);
    CHECK(secondOf(each.newest, each.others).first == each.second);
  }
  CHECK(secondOf({1000, 30}, {9000, 90}).second ==
        "3.00 % of its packets were dropped, compared with 1.00 %");
}

TEST_CASE(
    "only the window counts: earlier failures are forgotten, and earlier successes do not compensate for "
    "failures") {
  config::StepBackRule rule = kRule;
  rule.window = 10s;
  RolloutWatch watch(rule);
  ChainHealth newest{1'000'000, 0, 0, 0}, others{1'000'000, 0, 0, 0};
  int second = 0;
  const auto next = [&](uint64_t drops) {
    newest += {1000, drops, 0, 0};
    others += {1000, 0, 0, 0};
    return !watch.compare(newest, others, 1, Instant(std::chrono::seconds{second++})).empty();
  };
  for (int i = 0; i < 1000; ++i) CHECK(!next(0));
  CHECK(next(500));
  for (int i = 0; i < 9; ++i) CHECK(next(0));
  next(0);
  CHECK(!next(0));
}

TEST_CASE("different counters are not worse ones: the comparison restarts, also when totals fall") {
  RolloutWatch watch(kRule);
  ChainHealth newest{100'000, 10'000, 0, 0}, others{100'000, 0, 0, 0};
  int second = 1000;
  const auto compare = [&](size_t fingerprint) {
    return watch.compare(newest, others, fingerprint, Instant(std::chrono::seconds{second++}));
  };
  CHECK(compare(1).empty());
  newest = {10, 0, 0, 0};  // another version is the newest
  others = {200'000, 10'000, 0, 0};
  CHECK(compare(2).empty());
  newest.packets += 5000;
  others.packets += 5000;
  CHECK(compare(2).empty());
  newest.drops += 2500;
  CHECK(!compare(2).empty());
}

}  // namespace
}  // namespace sluice::reload
