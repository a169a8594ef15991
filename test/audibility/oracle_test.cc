// Compares decisions and lists of hearers in random rooms with the oracle, over several steps.
#include "test/audibility/oracle.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "source/audibility/decider.h"
#include "source/audibility/hearers.h"
#include "source/audibility/room_state.h"
#include "test/audibility/random_room.h"

namespace sluice::audibility::test {
namespace {

constexpr uint32_t kRooms = 10'000;

void* handleOf(uint32_t number) {
  return reinterpret_cast<void*>(uintptr_t{number});
}

struct Tally {
  std::map<Reason, uint64_t> reasons;
  uint64_t rule_sets = 0;
};

bool isClose(float a, float b) {
  return a == b || std::abs(a - b) <= 1e-4F * std::max(1.0F, std::abs(b));
}

bool isSame(const Decision& a, const Decision& b) {
  return a.audible == b.audible && a.reason == b.reason && a.rule == b.rule && a.priority == b.priority &&
         isClose(a.gain, b.gain) && a.low_pass_hz == b.low_pass_hz && isClose(a.margin, b.margin) &&
         a.distance == b.distance;
}

Decision decisionOf(const Hearer& hearer) {
  Decision decision;
  decision.audible = true;
  decision.reason = hearer.reason;
  decision.rule = hearer.rule;
  decision.priority = hearer.priority;
  decision.gain = hearer.rendering.gain;
  decision.low_pass_hz = hearer.rendering.low_pass_hz;
  decision.distance = hearer.rendering.distance;
  return decision;
}

// One room with two workers; each player is a receiver of one of them.
class Comparison {
 public:
  Comparison(uint32_t seed, Tally& tally) : room_(seed), tally_(tally) {
    const unsigned players = seed % 50 == 0 ? 22 + room_.below(8) : 2 + room_.below(6);
    for (unsigned i = 0; i < players; ++i) join();
  }

  void run() {
    for (int step = 0; step < 4; ++step) {
      if (step == 0 || room_.oneIn(8)) setRules();
      if (room_.oneIn(4)) join();
      if (room_.oneIn(4) && numbers_.size() > 1) leave(room_.below(static_cast<unsigned>(numbers_.size())));
      const Batch batch = room_.batch(numbers_, now_);
      REQUIRE(state_.apply(batch, now_).ok());
      oracle_.apply(batch);
      const SnapshotPtr snapshot = state_.publish(now_);
      for (Worker& worker : workers_) worker.hearers.update(snapshot);
      comparePairs(*snapshot);
      compareHearers();
      now_ += std::chrono::milliseconds{room_.below(1400)};  // mutes and overrides end without a new version
      compareHearers();
      now_ += std::chrono::milliseconds{room_.below(20)};
    }
  }

 private:
  struct Worker {
    Hearers hearers;
    OracleHearing oracle;
    std::set<uint32_t> receivers;
  };

  void join() {
    const uint32_t number = ++last_number_;
    REQUIRE(state_.add(number).ok());
    oracle_.players[number] = {};
    numbers_.push_back(number);
    Worker& worker = workers_[number % 5 == 0 ? 1 : 0];
    worker.receivers.insert(number);
    worker.hearers.addReceiver(number, handleOf(number));
  }

  void leave(unsigned at) {
    const uint32_t number = numbers_[at];
    CHECK(state_.remove(number));
    oracle_.remove(number);
    numbers_.erase(numbers_.begin() + at);
    for (Worker& worker : workers_) {
      worker.receivers.erase(number);
      worker.hearers.removeReceiver(number);
    }
  }

  void setRules() {
    for (int attempt = 0; attempt < 5; ++attempt) {
      std::vector<Rule> rules = room_.rules();
      if (!state_.setRules({.rules = rules}).ok()) continue;
      oracle_.rules = std::move(rules);
      for (Worker& worker : workers_) worker.oracle.clear();
      ++tally_.rule_sets;
      return;
    }
  }

  // Asserts only where something differs: there are a hundred million comparisons.
  void compare(const Decision& decision, const Decision& expected) {
    if (isSame(decision, expected)) return;
    CHECK(decision.audible == expected.audible);
    CHECK(name(decision.reason) == name(expected.reason));
    CHECK(int{decision.rule} == int{expected.rule});
    CHECK(int{decision.priority} == int{expected.priority});
    CHECK(decision.gain == doctest::Approx(expected.gain));
    CHECK(decision.low_pass_hz == expected.low_pass_hz);
    CHECK(decision.margin == doctest::Approx(expected.margin));
    REQUIRE(decision.distance == expected.distance);
    FAIL("a decision differs from the oracle's");
  }

  void comparePairs(const Snapshot& snapshot) {
    for (const uint32_t speaker : numbers_) {
      const Decider decider(snapshot, snapshot.find(speaker), now_);
      std::set<uint32_t> candidates;
      const bool all = !decider.forEachCandidate([&](uint32_t index) { candidates.insert(index); });
      for (const uint32_t receiver : numbers_) {
        const uint32_t index = snapshot.find(receiver);
        // In small rooms, any rule may be the one by which the pair was audible before.
        const int rules = static_cast<int>(snapshot.rules->rules().size());
        const int held = numbers_.size() < 10 ? static_cast<int>(room_.below(rules + 1)) - 1 : -1;
        const Decision decision = decider.decide(index, held < 0 ? kNoRule : static_cast<RuleIndex>(held));
        compare(decision, oracle_.decide(speaker, receiver, now_, held));
        ++tally_.reasons[decision.reason];
        if (!all && decision.audible && !candidates.contains(index)) FAIL("no candidate");
      }
    }
  }

  void compareHearers() {
    for (const uint32_t speaker : numbers_) {
      if (room_.oneIn(3)) continue;  // a speaker without packets
      for (Worker& worker : workers_) {
        const uint32_t receiver = numbers_[room_.below(static_cast<unsigned>(numbers_.size()))];
        compare(worker.hearers.explain(speaker, receiver, now_),
                oracle_.decide(speaker, receiver, now_, worker.oracle.held(speaker, receiver, now_)));
        const auto expected = worker.oracle.of(oracle_, worker.receivers, speaker, now_);
        const auto hearers = worker.hearers.of(speaker, now_);
        if (hearers.size() != expected.size()) REQUIRE(hearers.size() == expected.size());
        for (const Hearer& hearer : hearers) {
          const auto it = expected.find(hearer.number);
          if (it == expected.end()) FAIL("a receiver who does not hear the speaker");
          if (hearer.receiver != handleOf(hearer.number)) FAIL("a wrong receiver");
          Decision expectation = it->second;
          expectation.margin = 0;
          compare(decisionOf(hearer), expectation);
          ++tally_.reasons[hearer.reason];
        }
      }
    }
  }

  RandomRoom room_;
  Tally& tally_;
  RoomState state_;
  Oracle oracle_;
  Worker workers_[2];
  std::vector<uint32_t> numbers_;
  uint32_t last_number_ = 0;
  Instant now_{1h};
};

TEST_CASE("Decisions and lists of hearers equal those of the oracle in 10,000 random rooms") {
  Tally tally;
  for (uint32_t seed = 1; seed <= kRooms; ++seed) {
    CAPTURE(seed);
    Comparison(seed, tally).run();
  }
  // Each reason and enough rule sets occurred.
  CHECK(tally.reasons.size() == kEnumSize<Reason>);
  for (const auto& entry : tally.reasons) {
    CAPTURE(name(entry.first));
    CHECK(entry.second > 100);
  }
  CHECK(tally.rule_sets > 9000);
}

}  // namespace
}  // namespace sluice::audibility::test
