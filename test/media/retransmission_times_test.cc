#include "source/media/retransmission_times.h"

#include <doctest/doctest.h>

namespace sluice::media {
namespace {

constexpr Instant kStart{1h};

TEST_CASE("without retransmissions there is no time, with one there is its time") {
  RetransmissionTimes times;
  CHECK(times.nearlyAll(kStart) == 0ms);
  times.add(30ms, kStart);
  CHECK(times.nearlyAll(kStart) == 30ms);
}

TEST_CASE("of up to seven retransmissions the slowest counts, of eight the second slowest") {
  RetransmissionTimes times;
  for (int i = 7; i >= 1; --i) times.add(i * 10ms, kStart);
  CHECK(times.nearlyAll(kStart) == 70ms);
  times.add(1s, kStart);
  CHECK(times.nearlyAll(kStart) == 70ms);
  times.add(2s, kStart);  // of nine
  CHECK(times.nearlyAll(kStart) == 1s);
}

TEST_CASE("two of sixteen retransmissions may be slow, three may not") {
  RetransmissionTimes times;
  times.add(1s, kStart);
  times.add(1s, kStart);
  for (int i = 0; i < 14; ++i) times.add(20ms, kStart);
  CHECK(times.nearlyAll(kStart) == 20ms);
  times.add(1s, kStart);  // replaces one of the slow ones
  CHECK(times.nearlyAll(kStart) == 20ms);
  times.add(1s, kStart);
  times.add(1s, kStart);
  CHECK(times.nearlyAll(kStart) == 1s);
}

TEST_CASE("only the last sixteen retransmissions count, however many there were") {
  RetransmissionTimes times;
  for (int i = 0; i < 1'000; ++i) times.add(1s, kStart);
  for (int i = 0; i < 13; ++i) times.add(20ms, kStart);
  CHECK(times.nearlyAll(kStart) == 1s);
  times.add(20ms, kStart);
  CHECK(times.nearlyAll(kStart) == 20ms);
}

TEST_CASE("the time is unknown when there was no retransmission for five seconds") {
  RetransmissionTimes times;
  times.add(30ms, kStart);
  CHECK(times.nearlyAll(kStart + 5s - 1ns) == 30ms);
  CHECK(times.nearlyAll(kStart + 5s) == 0ms);
}

TEST_CASE("after five seconds without a retransmission, earlier ones do not count") {
  RetransmissionTimes times;
  for (int i = 0; i < 16; ++i) times.add(1s, kStart);
  times.add(20ms, kStart + 5s);
  CHECK(times.nearlyAll(kStart + 5s) == 20ms);

  RetransmissionTimes steady;
  for (int i = 0; i < 7; ++i) steady.add(1s, kStart);
  steady.add(20ms, kStart + 5s - 1ns);
  CHECK(steady.nearlyAll(kStart + 5s) == 1s);
}

}  // namespace
}  // namespace sluice::media
