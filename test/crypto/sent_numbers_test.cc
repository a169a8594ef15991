#include "source/crypto/sent_numbers.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

namespace sluice::crypto {
namespace {

constexpr uint64_t kSeed = 42;

bool admits(SentNumbers& numbers, int number, const std::string& packet) {
  return numbers.admit(static_cast<uint16_t>(number), asBytes(packet), kSeed);
}

TEST_CASE("SentNumbers: a number is for one packet, which may be sent again") {
  SentNumbers numbers;
  CHECK(admits(numbers, 7, "one"));
  CHECK(admits(numbers, 7, "one"));
  CHECK_FALSE(admits(numbers, 7, "two"));
  CHECK_FALSE(admits(numbers, 7, "ones"));
  CHECK(admits(numbers, 7, "one"));
}

TEST_CASE("SentNumbers: packets may be reordered within the window") {
  SentNumbers numbers;
  CHECK(admits(numbers, 300, "c"));
  CHECK(admits(numbers, 45, "a"));
  CHECK_FALSE(admits(numbers, 44, "outside the window"));
  CHECK_FALSE(admits(numbers, 45, "b"));
}

TEST_CASE("SentNumbers: the window moves, also over wrap-around and by a jump, and forgets older numbers") {
  SentNumbers numbers;
  for (int i = 0; i < 200'000; ++i) {
    CHECK(admits(numbers, i, "packet " + std::to_string(i)));
    CHECK_FALSE(admits(numbers, i, "another"));
    if (i > 0) CHECK_FALSE(admits(numbers, i - 1, "another"));
  }
  CHECK(admits(numbers, 200'000 + 5'000, "leap"));
  CHECK(admits(numbers, 200'000 + 5'000 - 255, "overtaken"));
  CHECK_FALSE(admits(numbers, 200'000 + 5'000 - 256, "overtaken"));
}

TEST_CASE("SentNumbers: a single changed bit makes another packet") {
  for (size_t size = 1; size < 200; size += 13) {
    SentNumbers numbers;
    std::string packet(size, 'x');
    REQUIRE(admits(numbers, 1, packet));
    for (size_t i = 0; i < size; ++i) {
      std::string changed = packet;
      changed[i] ^= 1;
      CHECK_FALSE(admits(numbers, 1, changed));
    }
  }
}

}  // namespace
}  // namespace sluice::crypto
