#include "source/media/jitter_buffer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "test/support/jitter_buffer_config.h"

namespace sluice::media {
namespace {

using Kind = JitterBuffer::Out::Kind;
using Verdict = JitterBuffer::Verdict;

constexpr uint32_t kFrame = 960;  // 20 ms
constexpr Instant kStart{1h};

// Sends frames of 20 ms on an ideal sender's clock.
struct Fixture {
  JitterBuffer buffer;
  uint16_t first_sequence = 100;
  uint32_t first_timestamp = 5000;
  std::vector<int> order;  // of the frames that were released; gaps negative

  explicit Fixture(const JitterBuffer::Config& config = test::kJitterBuffer) : buffer(config) {}

  Verdict put(int n, Duration late = 0ms) {
    const auto sequence = static_cast<uint16_t>(first_sequence + n);
    const uint32_t timestamp = first_timestamp + static_cast<uint32_t>(n) * kFrame;
    return buffer.insert(sequence, timestamp, kFrame, kStart + n * 20ms + late).verdict;
  }
  void popUntil(Instant now) {
    for (;;) {
      const auto out = buffer.pop(now);
      if (out.kind == Kind::kNothing) return;
      const auto n = static_cast<int16_t>(out.sequence - first_sequence);
      CHECK(out.timestamp == first_timestamp + static_cast<uint32_t>(n) * kFrame);
      order.push_back(out.kind == Kind::kFrame ? n : -n);
    }
  }
};

TEST_CASE("JitterBuffer: frames are released in order, each at its time") {
  Fixture f;
  for (const int n : {0, 2, 1, 3}) CHECK(f.put(n) == Verdict::kHeld);
  f.popUntil(kStart + 79ms);
  CHECK(f.order.empty());
  CHECK(f.buffer.size() == 4);
  CHECK(f.buffer.due() == kStart + 80ms);
  f.popUntil(kStart + 80ms);
  CHECK(f.order == std::vector{0});
  f.popUntil(kStart + 140ms);
  CHECK(f.order == std::vector{0, 1, 2, 3});
  CHECK(f.buffer.due() == Instant::max());
}

TEST_CASE("JitterBuffer: an earlier frame may still become the first one") {
  Fixture f;
  for (const int n : {2, 1, 0}) CHECK(f.put(n) == Verdict::kHeld);
  f.popUntil(kStart + 1s);
  CHECK(f.order == std::vector{0, 1, 2});
}

TEST_CASE("JitterBuffer: a gap is reported at its own time") {
  Fixture f(test::impatientBuffer());
  for (const int n : {0, 1, 3}) f.put(n);
  f.popUntil(kStart + 119ms);
  CHECK(f.order == std::vector{0, 1});
  f.popUntil(kStart + 120ms);
  CHECK(f.order == std::vector{0, 1, -2});
}

TEST_CASE(
    "JitterBuffer: a longer gap is reported one frame later, or with the next frame by a patient buffer") {
  for (const bool patient : {false, true}) {
    Fixture f(patient ? test::kJitterBuffer : test::impatientBuffer());
    for (const int n : {0, 1, 4}) f.put(n);
    f.popUntil(kStart + 139ms);
    CHECK(f.order == std::vector{0, 1});
    f.popUntil(kStart + 140ms);
    CHECK(f.order == (patient ? std::vector{0, 1} : std::vector{0, 1, -2, -3}));
    f.popUntil(kStart + 160ms);
    CHECK(f.order == std::vector{0, 1, -2, -3, 4});
    CHECK(f.put(3, 200ms) == Verdict::kLate);
    CHECK(f.put(1, 200ms) == Verdict::kDuplicate);
  }
}

TEST_CASE("JitterBuffer: each lost frame of a long gap reports its position in the gap") {
  Fixture f(test::impatientBuffer());
  for (const int n : {0, 4}) f.put(n);
  f.popUntil(kStart + 80ms);
  for (size_t i = 0; i < 3; ++i) {
    const auto out = f.buffer.pop(kStart + 1s);
    CHECK(out.kind == Kind::kGap);
    CHECK(out.index == i);
    CHECK(out.left == 2 - i);
    CHECK(out.samples == kFrame);
  }
}

TEST_CASE("JitterBuffer: a duplicate is refused while its frame is held") {
  Fixture f;
  f.put(0);
  CHECK(f.put(0, 5ms) == Verdict::kDuplicate);
  CHECK(f.buffer.size() == 1);
}

TEST_CASE("JitterBuffer: silence is not loss") {
  JitterBuffer buffer(test::impatientBuffer());
  Instant now = kStart;
  uint32_t timestamp = 0;
  int frames = 0;
  for (uint16_t sequence = 0; sequence < 100; ++sequence) {
    buffer.insert(sequence, timestamp, kFrame, now);
    const Duration silence = sequence % 10 == 9 ? 400ms : 20ms;
    timestamp += static_cast<uint32_t>(silence / 1ms * 48);
    now += silence;
    for (;;) {
      const auto out = buffer.pop(now);
      if (out.kind == Kind::kNothing) break;
      CHECK(out.kind == Kind::kFrame);
      ++frames;
    }
  }
  CHECK(frames > 90);
}

TEST_CASE("JitterBuffer: a frame that is lost after silence counts as voice before the next one") {
  JitterBuffer buffer(test::impatientBuffer());
  buffer.insert(1, 0, kFrame, kStart);
  buffer.insert(3, 48'000, kFrame, kStart + 1s);
  buffer.pop(kStart + 1s);
  const auto out = buffer.pop(kStart + 2s);
  CHECK(out.kind == Kind::kGap);
  CHECK(out.timestamp == 48'000 - kFrame);
}

TEST_CASE("JitterBuffer: sequence numbers without time, or used by other payloads, are not loss") {
  JitterBuffer buffer(test::impatientBuffer());
  buffer.insert(1, 0, kFrame, kStart);
  buffer.insert(4, kFrame, kFrame, kStart);  // 2 and 3 were padding
  CHECK(buffer.pop(kStart + 1s).sequence == 1);
  CHECK(buffer.pop(kStart + 1s).sequence == 4);
  buffer.pass(5);
  buffer.insert(6, 3 * kFrame, kFrame, kStart);
  CHECK(buffer.pop(kStart + 1s).sequence == 6);
}

TEST_CASE("JitterBuffer: a timestamp that does not increase is reported") {
  JitterBuffer buffer(test::kJitterBuffer);
  buffer.insert(1, 1000, kFrame, kStart);
  buffer.insert(2, 1000, kFrame, kStart);
  CHECK(buffer.pop(kStart + 1s).kind == Kind::kFrame);
  CHECK(buffer.pop(kStart + 1s).kind == Kind::kStale);
}

TEST_CASE("JitterBuffer: a clock that jumps starts another timeline") {
  JitterBuffer buffer(test::kJitterBuffer);
  buffer.insert(1, 1000, kFrame, kStart);
  CHECK(buffer.continues(1000 + 48'000, kStart + 20ms));
  CHECK_FALSE(buffer.continues(1000 + 6 * 48'000, kStart + 20ms));
  CHECK_FALSE(buffer.continues(1000 + kFrame, kStart + 6s));
}

TEST_CASE("JitterBuffer: a full buffer releases the earliest frame before its time") {
  Fixture f;
  for (int n = 0; n < 32; ++n)
    CHECK(f.buffer.insert(static_cast<uint16_t>(100 + n), 5000 + n * kFrame, kFrame, kStart).verdict ==
          Verdict::kHeld);
  CHECK(f.buffer.insert(132, 5000 + 32 * kFrame, kFrame, kStart).verdict == Verdict::kFull);
  CHECK(f.buffer.pop(Instant::max()).sequence == 100);
  CHECK(f.buffer.insert(132, 5000 + 32 * kFrame, kFrame, kStart).verdict == Verdict::kHeld);
}

TEST_CASE(
    "JitterBuffer: long silence counts as calm, and the buffer shrinks by as many steps as have passed") {
  Fixture f;
  f.put(3);
  f.popUntil(kStart + 5s);
  for (int i = 0; i < 3; ++i) CHECK(f.put(i, 4s) == Verdict::kLate);
  CHECK(f.buffer.capacity() == 48);
  const Instant last = kStart + 2 * 20ms + 4s;
  const auto after = [&](int n, Duration silence) {
    const auto timestamp =
        f.first_timestamp + static_cast<uint32_t>((last - kStart + silence) / 20ms) * kFrame;
    f.buffer.insert(static_cast<uint16_t>(f.first_sequence + n), timestamp, kFrame, last + silence);
    while (f.buffer.pop(Instant::max()).kind != Kind::kNothing) {
    }
    return f.buffer.capacity();
  };
  CHECK(after(4, 95s) == 34);  // 48, 43, 38, 34
  CHECK(after(5, 119s) == 34);
  CHECK(after(6, 121s) == 32);
}

TEST_CASE("JitterBuffer: three late frames in a row make it grow by half, calm makes it shrink by a tenth") {
  Fixture f;
  int n = 0;
  const auto lateOnes = [&](int count) {
    for (int i = 0; i < count; ++i) {
      f.put(n + 1);
      f.popUntil(kStart + n * 20ms + 5s);
      CHECK(f.put(n, 5s) == Verdict::kLate);
      n += 2;
    }
  };
  // A frame in time in between ends the row.
  lateOnes(5);
  CHECK(f.buffer.capacity() == 32);
  const auto lateRow = [&] {
    f.put(n + 3);
    f.popUntil(kStart + n * 20ms + 5s);
    for (int i = 0; i < 3; ++i) CHECK(f.put(n + i, 4s) == Verdict::kLate);
    n += 4;
  };
  std::vector<size_t> sizes;
  for (int i = 0; i < 8; ++i) {
    lateRow();
    sizes.push_back(f.buffer.capacity());
  }
  CHECK(sizes == std::vector<size_t>{48, 72, 108, 162, 243, 364, 512, 512});
  const auto calm = [&](Duration time) {
    for (Duration passed{}; passed < time; passed += 20ms, ++n) {
      f.put(n);
      while (f.buffer.pop(kStart + n * 20ms).kind != Kind::kNothing) {
      }
    }
  };
  calm(36s);  // the last late frame was 4 s late
  CHECK(f.buffer.capacity() == 460);
  calm(30s);
  CHECK(f.buffer.capacity() == 414);
  calm(15min);
  CHECK(f.buffer.capacity() == 32);
}

TEST_CASE("JitterBuffer: a reload changes bounds and keeps held frames") {
  Fixture f;
  for (int n = 0; n < 10; ++n) f.put(n);
  JitterBuffer::Config config = test::kJitterBuffer;
  config.min_frames = 64;
  config.delay.floor = 200ms;
  f.buffer.configure(config);
  CHECK(f.buffer.capacity() == 64);
  CHECK(f.buffer.size() == 10);
  for (int n = 10; n < 20; ++n) f.put(n);
  CHECK(f.buffer.delay().delay() == 200ms);
  f.popUntil(kStart + 10s);
  CHECK(f.order.size() == 20);
}

// Random traces: every frame is released in order, once, or reported as late or missing.
struct Trace {
  double loss, duplicate, silence;
  Duration jitter;
  int burst;    // mean length of a burst of losses
  int ppm = 0;  // by how much the sender's clock is slower than the receiver's
};

void play(const Trace& trace, unsigned seed, int frames) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<> chance(0, 1);
  const JitterBuffer::Config config = seed % 2 == 0 ? test::kJitterBuffer : test::impatientBuffer();
  JitterBuffer buffer(config);
  struct Arrival {
    Instant at;
    uint16_t sequence;
    uint32_t timestamp;
    bool operator<(const Arrival& other) const { return at > other.at; }
  };
  std::vector<Arrival> flying;
  uint16_t sequence = static_cast<uint16_t>(65'000 + seed);
  uint32_t timestamp = 0xFFFF0000u + seed;
  Instant now = kStart;
  uint64_t held = 0, frames_out = 0, gaps = 0, sent = 0, late = 0, stale = 0;
  int64_t last_timestamp = -1;
  uint16_t last_sequence = 0;
  int losing = 0;
  uint32_t previous = timestamp;
  int64_t unrolled = 0;  // relative to the first timestamp

  const auto pop = [&](Instant until) {
    for (;;) {
      const Instant due = buffer.due();
      const auto out = buffer.pop(until);
      if (out.kind == Kind::kNothing) return;
      if (until != Instant::max()) REQUIRE(out.due <= until);
      REQUIRE(out.due >= due);
      unrolled += static_cast<int32_t>(out.timestamp - previous);
      previous = out.timestamp;
      if (out.kind == Kind::kStale) {
        ++stale;
        continue;
      }
      REQUIRE(unrolled > last_timestamp);
      if (last_timestamp >= 0) REQUIRE(rtp::sequenceDistance(last_sequence, out.sequence) > 0);
      last_timestamp = unrolled;
      last_sequence = out.sequence;
      (out.kind == Kind::kFrame ? frames_out : gaps) += 1;
    }
  };
  const auto deliver = [&](const Arrival& arrival) {
    pop(arrival.at);
    REQUIRE(buffer.continues(arrival.timestamp, arrival.at));
    for (;;) {
      const auto in = buffer.insert(arrival.sequence, arrival.timestamp, kFrame, arrival.at);
      if (in.verdict == Verdict::kFull) {
        const auto held_before = buffer.size();
        REQUIRE(held_before > 0);
        pop(buffer.due());
        continue;
      }
      held += in.verdict == Verdict::kHeld;
      late += in.verdict == Verdict::kLate;
      break;
    }
    REQUIRE(buffer.size() <= buffer.capacity());
    REQUIRE(buffer.capacity() <= JitterBuffer::kMaxFrames);
    REQUIRE(buffer.delay().delay() >= config.delay.floor);
    REQUIRE(buffer.delay().delay() <= config.delay.ceiling);
  };

  for (int i = 0; i < frames; ++i) {
    now += 20ms + 20ns * trace.ppm;
    if (chance(random) < trace.silence) {
      now += 400ms;
      timestamp += 20 * kFrame;
    }
    while (!flying.empty() && flying.front().at <= now) {
      std::pop_heap(flying.begin(), flying.end());
      const Arrival arrival = flying.back();
      flying.pop_back();
      deliver(arrival);
    }
    if (losing == 0 && chance(random) < trace.loss) {
      losing = 1 + static_cast<int>(chance(random) * 2 * (trace.burst - 1) + 0.5);
    }
    if (losing > 0) {
      --losing;
    } else {
      for (int copies = chance(random) < trace.duplicate ? 2 : 1; copies > 0; --copies) {
        const auto late_by = std::chrono::duration_cast<Duration>(trace.jitter * chance(random));
        flying.push_back({now + late_by, sequence, timestamp});
        std::push_heap(flying.begin(), flying.end());
      }
      ++sent;
    }
    ++sequence;
    timestamp += kFrame;
  }
  std::sort_heap(flying.begin(), flying.end());
  std::reverse(flying.begin(), flying.end());
  for (const Arrival& arrival : flying) deliver(arrival);
  pop(Instant::max());
  CHECK(buffer.size() == 0);
  CHECK(held == frames_out + stale);
  CHECK(stale == 0);
  CHECK(held <= sent);
  CHECK(static_cast<double>(frames_out) > 0.95 * static_cast<double>(sent));
  if (trace.loss == 0 && trace.jitter <= 20ms) CHECK(gaps == 0);
}

TEST_CASE("JitterBuffer: random traces satisfy the invariants") {
  const Trace traces[] = {
      {0, 0, 0, 0ms, 1},        {0, 0.1, 0, 20ms, 1},         {0.1, 0, 0, 60ms, 1},
      {0.03, 0.02, 0, 60ms, 5}, {0.05, 0.05, 0.05, 120ms, 3}, {0.3, 0, 0.01, 100ms, 1},
      {0.01, 0, 0, 60ms, 60},
  };
  for (const Trace& trace : traces) {
    for (unsigned seed = 1; seed <= 20; ++seed) play(trace, seed, 3000);
  }
}

TEST_CASE(
    "JitterBuffer: ten hours, also with a sender whose clock is 300 ppm off, which amounts to eleven "
    "seconds") {
  for (const int ppm : {0, 300, -300}) play({0.02, 0.01, 0.01, 60ms, 2, ppm}, 7, 10 * 3600 * 50);
}

}  // namespace
}  // namespace sluice::media
