#include "source/base/shared_bucket.h"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

namespace sluice {
namespace {

constexpr Instant kStart{1h};

// Four units at once, and one more every 250 ms.
constexpr double kRate = 4;
constexpr double kBurst = 4;

bool take(SharedBucket& bucket, double amount, Instant now) {
  return bucket.take(amount, kRate, kBurst, now);
}

TEST_CASE("a shared bucket starts full, and when it is empty it refuses until enough has flowed in") {
  SharedBucket bucket;
  for (int i = 0; i < 4; ++i) CHECK(take(bucket, 1, kStart));
  CHECK_FALSE(take(bucket, 1, kStart));
  CHECK_FALSE(take(bucket, 1, kStart + 250ms - 1ns));
  CHECK(take(bucket, 1, kStart + 250ms));
  CHECK_FALSE(take(bucket, 1, kStart + 250ms));
}

TEST_CASE("a shared bucket holds no more than its burst, however long nothing is taken") {
  SharedBucket bucket;
  CHECK(take(bucket, 4, kStart));
  CHECK(take(bucket, 4, kStart + 1h));
  CHECK_FALSE(take(bucket, 1, kStart + 1h));
}

TEST_CASE("a shared bucket never gives more than the burst at once") {
  SharedBucket bucket;
  CHECK_FALSE(take(bucket, 4.5, kStart));
  CHECK_FALSE(take(bucket, 4.5, kStart + 1h));
  CHECK(take(bucket, 4, kStart + 1h));
}

TEST_CASE("what a shared bucket refuses costs nothing") {
  SharedBucket bucket;
  CHECK(take(bucket, 3, kStart));
  const Instant full = bucket.fullAt();
  CHECK(full == kStart + 750ms);
  for (int i = 0; i < 100; ++i) CHECK_FALSE(take(bucket, 2, kStart));
  CHECK(bucket.fullAt() == full);
  CHECK(take(bucket, 1, kStart));
}

TEST_CASE("a thread whose time is a little behind gets nothing extra") {
  SharedBucket bucket;
  CHECK(take(bucket, 4, kStart));
  CHECK_FALSE(take(bucket, 1, kStart - 10ms));
  CHECK_FALSE(take(bucket, 1, kStart + 240ms));
  CHECK(take(bucket, 1, kStart + 250ms));
}

TEST_CASE("several threads together get no more than one would, and no less") {
  constexpr int kThreads = 4;
  constexpr int kRounds = 5'000;
  constexpr double kPerSecond = 1000;
  constexpr double kAtOnce = 100;
  SharedBucket bucket;
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kRounds; ++i) {
        if (bucket.take(1, kPerSecond, kAtOnce, kStart)) ++taken;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(taken == 100);
  CHECK(bucket.fullAt() == kStart + 100ms);
}

TEST_CASE("several threads whose time goes on get the burst and what flows in meanwhile") {
  constexpr int kThreads = 4;
  SharedBucket bucket;
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int ms = 0; ms <= 1000; ++ms) {
        if (bucket.take(1, 500, 10, kStart + ms * 1ms)) ++taken;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(taken <= 10 + 500);
  CHECK(taken >= 500);
}

}  // namespace
}  // namespace sluice
