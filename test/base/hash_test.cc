#include "source/base/hash.h"

#include <doctest/doctest.h>

namespace sluice {
namespace {

TEST_CASE("fnv1a gives the published values, in one piece or several") {
  CHECK(fnv1a({}) == kFnvBasis);
  CHECK(fnv1a(asBytes("a")) == 0xaf63dc4c8601ec8c);
  CHECK(fnv1a(asBytes("foobar")) == 0x85944171f73967e8);
  CHECK(fnv1a(asBytes("bar"), fnv1a(asBytes("foo"))) == fnv1a(asBytes("foobar")));
}

TEST_CASE("splitMix64 gives the generator's numbers") {
  CHECK(splitMix64(kGoldenRatio64) == 0xe220a8397b1dcdaf);
  CHECK(splitMix64(2 * kGoldenRatio64) == 0x6e789e6aa1b965f4);
}

TEST_CASE("multiplyAndFold lets low and high bits of the input affect the low half of the result") {
  CHECK(static_cast<uint32_t>(multiplyAndFold(1)) != static_cast<uint32_t>(multiplyAndFold(3)));
  CHECK(static_cast<uint32_t>(multiplyAndFold(1)) !=
        static_cast<uint32_t>(multiplyAndFold(1 | uint64_t{1} << 40)));
}

}  // namespace
}  // namespace sluice
