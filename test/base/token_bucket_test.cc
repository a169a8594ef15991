#include "source/base/token_bucket.h"

#include <doctest/doctest.h>

namespace sluice {
namespace {

constexpr Instant kStart{1h};

// Four units at once, and one more every 125 ms.
TokenBucket fourUnits() {
  return {8, 4, kStart};
}

TEST_CASE("a bucket starts full, and when it is empty it refuses until enough has flowed in") {
  TokenBucket bucket = fourUnits();
  for (int i = 0; i < 4; ++i) CHECK(bucket.take(1, kStart));
  CHECK_FALSE(bucket.take(1, kStart));
  CHECK_FALSE(bucket.take(1, kStart + 124ms));
  CHECK(bucket.take(1, kStart + 125ms));
  CHECK_FALSE(bucket.take(1, kStart + 125ms));
}

TEST_CASE("a bucket that refuses keeps what it has") {
  TokenBucket bucket = fourUnits();
  CHECK(bucket.take(2, kStart));
  CHECK_FALSE(bucket.take(3, kStart));
  CHECK(bucket.take(2, kStart));
}

TEST_CASE("a bucket holds no more than its burst, however long nothing is taken") {
  TokenBucket bucket = fourUnits();
  CHECK(bucket.take(4, kStart));
  CHECK(bucket.take(4, kStart + 1h));
  CHECK_FALSE(bucket.take(1, kStart + 1h));
}

TEST_CASE("a full bucket suffices for more than the burst, and the rest is debt") {
  TokenBucket bucket = fourUnits();
  CHECK(bucket.take(10, kStart));
  CHECK_FALSE(bucket.take(1, kStart + 874ms));
  CHECK(bucket.take(1, kStart + 875ms));  // 7 units: 6 for the debt
  CHECK_FALSE(bucket.take(10, kStart + 875ms + 499ms));
  CHECK(bucket.take(10, kStart + 875ms + 500ms));
}

TEST_CASE("a time that goes back adds nothing, and the same time is not counted twice") {
  TokenBucket bucket = fourUnits();
  CHECK(bucket.take(4, kStart));
  CHECK_FALSE(bucket.take(1, kStart - 10s));
  CHECK_FALSE(bucket.take(1, kStart));
  CHECK(bucket.take(1, kStart + 125ms));
}

TEST_CASE("a charge becomes debt, a spill never does") {
  TokenBucket charged = fourUnits();
  charged.charge(5, kStart);
  CHECK_FALSE(charged.take(1, kStart + 249ms));
  CHECK(charged.take(1, kStart + 250ms));

  TokenBucket spilled = fourUnits();
  spilled.spill(1, kStart);
  CHECK_FALSE(spilled.take(4, kStart));
  CHECK(spilled.take(1, kStart));
  spilled.spill(100, kStart);
  CHECK_FALSE(spilled.take(1, kStart + 124ms));
  CHECK(spilled.take(1, kStart + 125ms));
}

TEST_CASE("a spill neither adds to a debt nor reduces it") {
  TokenBucket bucket = fourUnits();
  bucket.charge(5, kStart);
  bucket.spill(3, kStart);
  CHECK_FALSE(bucket.take(1, kStart + 249ms));
  CHECK(bucket.take(1, kStart + 250ms));
}

TEST_CASE("wait() is the time until take() succeeds, and not a nanosecond more") {
  TokenBucket bucket(3, 4, kStart);
  CHECK(bucket.wait(4, kStart) == 0ns);
  CHECK(bucket.take(4, kStart));
  const Duration wait = bucket.wait(1, kStart);
  CHECK(wait == 333'333'334ns);
  CHECK_FALSE(bucket.take(1, kStart + wait - 1ns));
  CHECK(bucket.take(1, kStart + wait));
}

TEST_CASE("more than the burst waits only for a full bucket") {
  TokenBucket bucket(3, 4, kStart);
  CHECK(bucket.wait(1000, kStart) == 0ns);
  CHECK(bucket.take(1, kStart));
  const Duration wait = bucket.wait(1000, kStart);
  CHECK(wait <= 334ms);
  CHECK(bucket.take(1000, kStart + wait));
}

TEST_CASE("a change of the rate applies from then on, and a larger burst is not given at once") {
  TokenBucket bucket = fourUnits();
  CHECK(bucket.take(4, kStart));
  bucket.setRate(1, 100, kStart + 250ms);  // two units have flowed in at the old rate
  CHECK(bucket.take(2, kStart + 250ms));
  CHECK_FALSE(bucket.take(1, kStart + 1249ms));
  CHECK(bucket.take(1, kStart + 1250ms));
}

TEST_CASE("a smaller burst takes what exceeds it") {
  TokenBucket bucket = fourUnits();
  bucket.setRate(8, 1, kStart);
  CHECK(bucket.take(1, kStart));
  CHECK_FALSE(bucket.take(1, kStart));
}

TEST_CASE("the fill level is archived, the rate and the burst are not") {
  TokenBucket old = fourUnits();
  CHECK(old.take(3, kStart));
  Descriptors none;
  Archive out(none);
  old.archive(out);
  const std::string saved = out.takeBytes();

  TokenBucket fresh(1, 2, kStart + 1h);
  Archive in(asBytes(saved), none);
  fresh.archive(in);
  CHECK(in.ok());
  CHECK(fresh.rate() == 1);
  CHECK(fresh.burst() == 2);
  CHECK(fresh.take(1, kStart));
  CHECK_FALSE(fresh.take(1, kStart + 999ms));
  CHECK(fresh.take(1, kStart + 1s));
}

}  // namespace
}  // namespace sluice
