#include "source/codec/rendering_extension.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "test/support/hex.h"

namespace sluice {
namespace {

using rtp::readRendering;
using rtp::writeRendering;
using test::hex;

TEST_CASE("rendering extension: the bytes are as documented") {
  const Rendering rendering{
      .gain = 0.5F, .low_pass_hz = 800, .azimuth = -31.5F, .elevation = -2, .distance = 12.5F};
  const auto bytes = writeRendering(rendering);
  CHECK(std::vector(bytes.begin(), bytes.end()) == hex("0c fe f3b2 0320 4148"));
  const auto read = readRendering(bytes);
  REQUIRE(read);
  CHECK(read->gain == doctest::Approx(0.5012).epsilon(0.001));
  CHECK(read->low_pass_hz == 800);
  CHECK(read->azimuth == -31.5F);
  CHECK(read->elevation == -2);
  CHECK(read->distance == 12.5F);
}

TEST_CASE("rendering extension: extremes") {
  const float infinity = std::numeric_limits<float>::infinity();
  struct Case {
    Rendering in;
    const char* bytes;
  };
  for (const Case& c : {
           Case{{}, "00 00 0000 0000 0000"},
           Case{{.gain = 0}, "ff 00 0000 0000 0000"},
           Case{{.gain = 1e-9F}, "fe 00 0000 0000 0000"},
           Case{{.low_pass_hz = 0.1F}, "00 00 0000 0001 0000"},
           Case{{.low_pass_hz = 1e6F}, "00 00 0000 ffff 0000"},
           Case{{.azimuth = 180, .elevation = 90}, "00 5a 4650 0000 0000"},
           Case{{.azimuth = -180, .elevation = -90}, "00 a6 b9b0 0000 0000"},
           Case{{.distance = infinity}, "00 00 0000 0000 7f80"},
           Case{{.distance = 3.4e7F}, "00 00 0000 0000 4c02"},
       }) {
    CAPTURE(c.bytes);
    const auto bytes = writeRendering(c.in);
    CHECK(std::vector(bytes.begin(), bytes.end()) == hex(c.bytes));
    const auto read = readRendering(bytes);
    REQUIRE(read);
    CHECK(read->azimuth == c.in.azimuth);
    CHECK(std::isinf(read->distance) == std::isinf(c.in.distance));
  }
  CHECK(readRendering(writeRendering({.gain = 0}))->gain == 0);
}

TEST_CASE("rendering extension: another size, or a value out of range, is refused") {
  for (const char* bytes : {"", "00 00 0000 0000 00", "00 00 0000 0000 0000 00", "00 5b 0000 0000 0000",
                            "00 00 4651 0000 0000", "00 00 0000 0000 bf80", "00 00 0000 0000 7fc0"}) {
    CAPTURE(bytes);
    CHECK_FALSE(readRendering(hex(bytes)));
  }
}

}  // namespace
}  // namespace sluice
