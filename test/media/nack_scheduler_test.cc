#include "source/media/nack_scheduler.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

namespace sluice::media {
namespace {

using Arrival = NackScheduler::Arrival;

constexpr Duration kRoundTrip = 40ms;

struct Line {
  NackScheduler scheduler;
  NackScheduler::Config config{.budget = 150ms, .reordering = 10ms, .max_requests = 3};
  Instant now{std::chrono::hours{1}};
  uint16_t highest = 1'000;
  uint16_t lost = 0;

  // A packet of 20 ms that arrives in time.
  Arrival packet(uint16_t sequence) { return scheduler.onPacket(sequence, sequence * 960u, {}, now); }
  // A packet is missing when the next one arrives.
  void lose() {
    packet(highest);
    lost = static_cast<uint16_t>(highest + 1);
    packet(highest = static_cast<uint16_t>(highest + 2));
  }
  std::vector<uint16_t> takeRequests() {
    std::array<uint16_t, 64> out;
    return {out.begin(),
            out.begin() + static_cast<ptrdiff_t>(scheduler.takeRequests(config, now, kRoundTrip, out))};
  }
  Instant nextNack() { return scheduler.nextNack(config, now, kRoundTrip); }
};

TEST_CASE(
    "a missing packet is requested after the reordering time, then after a round trip, and then no more") {
  Line line;
  line.packet(10);
  line.now += 40ms;
  line.packet(12);
  CHECK(line.scheduler.isMissing(11));
  CHECK(line.scheduler.expected(11) == line.now - 20ms);
  CHECK(line.takeRequests().empty());
  CHECK(line.nextNack() == line.now + 10ms);
  line.now += 10ms;
  CHECK(line.takeRequests() == std::vector<uint16_t>{11});
  CHECK(line.takeRequests().empty());
  line.now = line.nextNack();
  CHECK(line.takeRequests() == std::vector<uint16_t>{11});
  CHECK(line.nextNack() == Instant::max());  // it would arrive too late
  line.now += 30ms;
  CHECK(line.packet(11) == Arrival::kRecovered);
  CHECK(line.scheduler.retransmissionTime(line.now, 1ms) ==
        1ms);  // it is not known which request caused this retransmission
  CHECK(line.packet(11) == Arrival::kDuplicate);
  CHECK(line.scheduler.lost() == 1);
  CHECK(line.scheduler.returned() == 1);
}

TEST_CASE(
    "the response time is that of nearly all recent retransmissions, else the round trip, else 100 ms") {
  Line line;
  CHECK(line.scheduler.retransmissionTime(line.now, {}) == 100ms);
  CHECK(line.scheduler.retransmissionTime(line.now, 80ms) == 80ms);
  for (const Duration took : {40ms, 60ms, 30ms}) {
    line.lose();
    line.now += 10ms;
    CHECK(line.takeRequests().size() == 1);
    line.now += took;
    CHECK(line.packet(line.lost) == Arrival::kRecovered);
  }
  CHECK(line.scheduler.retransmissionTime(line.now, 80ms) == 60ms);
  CHECK(line.scheduler.retransmissionTime(line.now + 10s, {}) == 100ms);
}

TEST_CASE("NackScheduler: a stall does not end the requests") {
  Line line;
  line.lose();
  line.now += 10ms;
  CHECK(line.takeRequests().size() == 1);
  line.now += 300ms;
  line.packet(line.lost);
  size_t requested = 0;
  for (int i = 0; i < 1'000; ++i) {  // a minute
    line.now += 20ms;
    line.lose();
    line.now += 10ms;
    const bool retransmitted = !line.takeRequests().empty();
    requested += retransmitted;
    line.now += 30ms;
    if (retransmitted) line.packet(line.lost);
  }
  CHECK(requested > 800);
}

TEST_CASE(
    "NackScheduler: a sender that stalls and then sends the delayed packets at once does not end the "
    "requests") {
  Line line;
  std::mt19937 random(11);
  std::map<Instant, std::vector<uint16_t>> arrivals;
  for (uint16_t i = 0; i < 3'000; ++i) {
    const Instant captured = line.now + i * 20ms;
    const Duration into_second = (captured - line.now) % 1s;
    const Instant sent = into_second < 100ms ? captured - into_second + 100ms : captured;
    if (random() % 10 != 0) arrivals[sent + Duration{random() % 20'000'000}].push_back(i);
  }
  std::set<uint16_t> requested;
  for (const auto& [at, packets] : arrivals) {
    for (; line.now + 1ms < at; line.now += 1ms) {
      for (const uint16_t sequence : line.takeRequests()) requested.insert(sequence);
    }
    for (const uint16_t sequence : packets) line.packet(sequence);
  }
  CHECK(line.scheduler.reordering() <= 45ms);
  CHECK(requested.size() > 240);  // of about 300
}

TEST_CASE(
    "a packet that arrives sooner than a retransmission can was reordered, and sets the reordering time") {
  Line line;
  for (int i = 0; i < 50; ++i) {
    line.lose();
    line.now += 12ms;
    const size_t requested = line.takeRequests().size();
    if (i == 49) CHECK(requested == 0);
    CHECK(line.scheduler.onPacket(line.lost, line.lost * 960u, {}, line.now, kRoundTrip / 2) ==
          Arrival::kReordered);
  }
  for (int i = 0; i < 3'000; ++i) line.packet(++line.highest);  // it has ended
  line.lose();
  CHECK(line.nextNack() == line.now + line.config.reordering);
}

TEST_CASE("a packet that RED recovered is not a retransmission") {
  Line line;
  line.lose();
  line.now += 10ms;
  line.takeRequests();
  line.scheduler.fill(line.lost);
  CHECK_FALSE(line.scheduler.isMissing(line.lost));
  CHECK(line.scheduler.returned() == 1);
  CHECK(line.scheduler.retransmissionTime(line.now, 1ms) == 1ms);
}

TEST_CASE("a reordered packet is not a loss") {
  Line line;
  line.packet(10);
  line.packet(12);
  line.now += 5ms;
  CHECK(line.packet(11) == Arrival::kReordered);
  line.now += 100ms;
  CHECK(line.takeRequests().empty());
  CHECK(line.packet(9) == Arrival::kReordered);  // from before the first one
}

TEST_CASE("a packet that would arrive too late is not requested") {
  for (const auto& [budget, requested] :
       {std::pair<Duration, std::vector<uint16_t>>{71ms, {}}, {72ms, {5}}, {92ms, {4, 5}}}) {
    Line line;
    line.config.budget = budget;
    line.packet(1);
    line.now += 100ms;
    line.packet(6);  // 2 is 80 ms late, 5 is 20 ms late
    line.now += 10ms;
    CHECK(line.takeRequests() == requested);
  }
}

TEST_CASE("a late thread does not request packets that are too late by then") {
  Line line;
  line.packet(1);
  line.packet(3);
  line.now += 1s;
  CHECK(line.takeRequests().empty());
  CHECK(line.nextNack() == Instant::max());
}

constexpr Frame kSpeech{.duration = 20ms, .dtx = false};
constexpr Frame kPause{.duration = 20ms, .dtx = true};

// Speaks, pauses for 400 ms, and speaks again, as Opus encoders send it. Timestamps are in frames.
struct SpurtLine : Line {
  uint16_t sequence = 100;
  uint32_t frame = 0;

  uint16_t next() { return sequence++; }
  Arrival packet(uint16_t number, Frame what, Duration quickest = kRoundTrip / 2) {
    return scheduler.onPacket(number, frame * 960, what, now, quickest);
  }
  void pass(uint32_t frames) {
    frame += frames;
    now += frames * 20ms;
  }
  void speak(int frames) {
    for (; frames > 0; --frames, pass(1)) packet(next(), kSpeech);
  }
  void pause() {
    packet(next(), kPause);
    pass(20);
  }
};

TEST_CASE("a lost packet that begins a pause is requested when nothing follows") {
  SpurtLine line;
  line.speak(5);
  line.pause();
  line.speak(5);  // the last one is 20 ms old
  const uint16_t lost = line.next();
  CHECK_FALSE(line.scheduler.isMissing(lost));
  CHECK(line.nextNack() == line.now + 30ms);  // 20 ms late, and the reordering time
  line.now += 30ms;
  CHECK(line.takeRequests() == std::vector<uint16_t>{lost});
  CHECK(line.scheduler.isMissing(lost));
  line.now += 40ms;
  CHECK(line.packet(lost, kPause) == Arrival::kRecovered);
  CHECK(line.now - line.scheduler.expected(lost) == 70ms);
  CHECK(line.scheduler.lost() == 1);
  CHECK(line.scheduler.returned() == 1);
  CHECK(line.nextNack() == Instant::max());  // the pause has begun
}

TEST_CASE("a lost packet that begins a pause is not requested when the pause has ended") {
  SpurtLine line;
  line.config.max_requests = 1;
  line.speak(5);
  line.pause();
  line.speak(5);
  const uint16_t lost = line.next();
  line.now += 30ms;
  CHECK(line.takeRequests().size() == 1);  // and the retransmission is lost
  line.now -= 30ms;
  line.pass(20);
  line.speak(1);
  CHECK(line.scheduler.isMissing(lost));
  CHECK(line.now - line.scheduler.expected(lost) == 420ms);
  line.now += 10ms;
  CHECK(line.takeRequests().empty());
  CHECK(line.scheduler.lost() == 1);
}

TEST_CASE("a lost packet that ends a pause is requested, however far the timestamps jump") {
  for (const uint32_t silence : {2u, 4u, 20u, 300u}) {
    CAPTURE(silence);
    SpurtLine line;
    line.speak(5);
    line.packet(line.next(), kPause);
    line.pass(1 + silence);
    const uint16_t lost = line.next();
    line.pass(1);
    line.packet(line.next(), kSpeech);
    CHECK(line.scheduler.expected(lost) == line.now - 20ms);
    line.now += 10ms;
    CHECK(line.takeRequests() == std::vector<uint16_t>{lost});
  }
}

TEST_CASE("both ends of a pause are lost: the packet that ended it is requested") {
  SpurtLine line;
  line.speak(5);
  line.pause();
  line.speak(5);
  const uint16_t begin = line.next();
  line.pass(20);
  const uint16_t end = line.next();
  line.pass(1);
  line.packet(line.next(), kSpeech);
  line.now += 10ms;
  CHECK(line.takeRequests() == std::vector<uint16_t>{end});
  CHECK(line.scheduler.isMissing(begin));
}

TEST_CASE("a sender that begins its pauses without a DTX packet gets no request for one") {
  SpurtLine line;
  line.speak(5);
  line.pass(20);
  line.speak(5);  // no packet has begun the pause
  CHECK(line.nextNack() == Instant::max());
  line.pause();
  line.speak(5);
  CHECK(line.nextNack() != Instant::max());
  line.pass(20);
  line.speak(1);
  CHECK(line.nextNack() == Instant::max());
  CHECK(line.scheduler.lost() == 0);
}

TEST_CASE("voice that continues late is not a retransmission") {
  SpurtLine line;
  line.pause();
  line.speak(5);
  line.now += 30ms;
  CHECK(line.takeRequests().size() == 1);
  line.now += 10ms;  // sooner than a retransmission can arrive
  CHECK(line.packet(line.next(), kSpeech) == Arrival::kNew);
  line.now += 50ms;
  CHECK(line.takeRequests().size() == 1);
  line.frame += 50;
  line.now += 1s;  // much later, under a later timestamp
  CHECK(line.packet(line.next(), kSpeech) == Arrival::kNew);
  CHECK(line.scheduler.lost() == 0);
}

TEST_CASE("speech after a stall of the line is not a retransmission, however late") {
  for (const Duration stall : {60ms, 100ms, 200ms, 400ms}) {
    CAPTURE(stall / 1ms);
    SpurtLine line;
    line.pause();
    line.speak(5);
    line.now += 30ms;
    CHECK(line.takeRequests().size() == 1);
    line.now += stall;
    for (int i = 0; i < 5; ++i) {
      CHECK(line.packet(line.next(), kSpeech) == Arrival::kNew);
      ++line.frame;
    }
    CHECK(line.scheduler.lost() == 0);
    CHECK(line.scheduler.retransmissionTime(line.now, 1ms) == 1ms);
  }
}

TEST_CASE("an RTX retransmission of a requested next packet is recognized") {
  SpurtLine line;
  line.pause();
  line.speak(5);
  const uint16_t lost = line.next();
  line.now += 30ms;
  CHECK(line.takeRequests().size() == 1);
  line.now += 40ms;
  CHECK(line.packet(lost, kPause, {}) == Arrival::kRecovered);
}

TEST_CASE("a packet is requested at most max_requests times") {
  Line line;
  line.config.budget = 10s;
  line.packet(1);
  line.packet(3);
  size_t requested = 0;
  for (int i = 0; i < 1000; ++i) {
    line.now += 5ms;
    requested += line.takeRequests().size();
  }
  CHECK(requested == line.config.max_requests);
}

TEST_CASE("a stream that restarts is not loss") {
  Line line;
  line.packet(1);
  CHECK(line.packet(1 + 102) == Arrival::kNew);
  CHECK(line.scheduler.lost() == 0);
  CHECK(line.packet(40'000) == Arrival::kNew);
  CHECK(line.packet(3) == Arrival::kNew);
  CHECK(line.scheduler.lost() == 0);
}

TEST_CASE("one old packet is a late packet, two in a row restart the stream") {
  Line line;
  line.packet(10'000);
  CHECK(line.packet(9'000) == Arrival::kOld);
  CHECK(line.packet(10'001) == Arrival::kNew);
  CHECK(line.packet(9'500) == Arrival::kOld);
  CHECK(line.packet(9'501) == Arrival::kNew);
  CHECK(line.packet(9'502) == Arrival::kNew);
  CHECK(line.scheduler.lost() == 0);
}

TEST_CASE("bursts are counted as they occur, across the wrap") {
  Line line;
  line.packet(65'534);
  line.packet(2);
  line.packet(3);
  line.packet(5);
  CHECK(line.scheduler.lost() == 4);
  CHECK(line.scheduler.bursts() == 2);
  line.now += 10ms;
  CHECK(line.takeRequests() == std::vector<uint16_t>{65'535, 0, 1, 4});
}

TEST_CASE(
    "over a random line, every missing packet is detected, no other is, and every arrival is classified "
    "correctly") {
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    Line line;
    std::set<int64_t> missing;
    int64_t next = random() % 65'536;
    line.packet(static_cast<uint16_t>(next++));
    for (int step = 0; step < 5'000; ++step) {
      line.now += 20ms;
      const auto roll = random() % 10;
      if (roll < 2) {
        missing.insert(next++);
      } else if (roll == 2 && !missing.empty() && *missing.rbegin() < next - 1) {
        const int64_t back = *missing.rbegin();
        const Arrival arrival = line.packet(static_cast<uint16_t>(back));
        const bool good =
            arrival == Arrival::kRecovered || arrival == Arrival::kReordered || arrival == Arrival::kOld;
        CHECK(good);
        missing.erase(back);
      } else {
        CHECK(line.packet(static_cast<uint16_t>(next++)) == Arrival::kNew);
      }
      for (const uint16_t requested : line.takeRequests()) {
        const bool known =
            std::ranges::any_of(missing, [&](int64_t m) { return static_cast<uint16_t>(m) == requested; });
        CHECK(known);
      }
      while (!missing.empty() && *missing.begin() < next - 200) missing.erase(missing.begin());
    }
  }
}

}  // namespace
}  // namespace sluice::media
