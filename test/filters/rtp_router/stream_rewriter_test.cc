#include "filters/rtp_router/stream_rewriter.h"

#include <doctest/doctest.h>

namespace sluice {
namespace {

using rtp_router::StreamRewriter;

TEST_CASE("no number is used twice, whatever a speaker sends") {
  StreamRewriter stream(1000, 0);
  const Instant now{1h};
  CHECK(stream.rewrite(10, 0, true, now));
  CHECK(stream.rewrite(13, 0, false, now));
  CHECK(stream.rewrite(11, 0, false, now));
  CHECK_FALSE(stream.rewrite(11, 0, false, now));
  CHECK_FALSE(stream.rewrite(13, 0, false, now));
  CHECK(stream.rewrite(12, 0, false, now));
  CHECK_FALSE(stream.rewrite(10, 0, false, now));
  CHECK(stream.rewrite(139, 0, false, now));
  CHECK_FALSE(stream.rewrite(11, 0, false, now));  // outside the window
  CHECK(stream.rewrite(14, 0, false, now));
  CHECK_FALSE(stream.rewrite(14, 0, false, now));
  CHECK(stream.rewrite(5000, 0, false, now));
  CHECK_FALSE(stream.rewrite(139, 0, false, now));
  CHECK(stream.rewrite(5000, 0, true, now));  // another speaker
  CHECK_FALSE(stream.rewrite(5000, 0, false, now));
}

TEST_CASE("numbers that another filter used are skipped, and no late packet uses one of them") {
  StreamRewriter stream(1000, 0);
  const Instant now{1h};
  CHECK(stream.rewrite(10, 0, true, now)->sequence == 1000);
  stream.skip(90);
  CHECK_FALSE(stream.rewrite(9, 0, false, now));
  CHECK(stream.rewrite(11, 0, false, now)->sequence == 1091);
  CHECK(stream.rewrite(13, 0, false, now)->sequence == 1093);
  CHECK(stream.rewrite(12, 0, false, now)->sequence == 1092);
  CHECK(stream.rewrite(7, 0, true, now)->sequence == 1094);
}

TEST_CASE("a stream continues without a gap across a change of speaker and wrap-around") {
  Instant now{1h};
  StreamRewriter stream(0xFFFE, 0xFFFFFF00);
  auto out = stream.rewrite(500, 1000, true, now);
  CHECK(out->sequence == 0xFFFE);
  CHECK(out->timestamp == 0xFFFFFF00);
  CHECK(out->marker);
  out = stream.rewrite(501, 1960, false, now += 20ms);
  CHECK(out->sequence == 0xFFFF);
  CHECK(out->timestamp == 0xFFFFFF00 + 960);
  CHECK_FALSE(out->marker);
  out = stream.rewrite(503, 3880, false, now += 40ms);  // one lost: the gap stays visible
  CHECK(out->sequence == 1);
  out = stream.rewrite(502, 2920, false, now);  // and is filled when the packet arrives
  CHECK(out->sequence == 0);
  const uint32_t before = stream.timestampAt(now);
  out = stream.rewrite(9, 77, true, now += 100ms);
  CHECK(out->sequence == 2);
  CHECK(out->timestamp == before + 4800);
  CHECK(out->marker);
  CHECK_FALSE(stream.rewrite(8, 70, false, now).has_value());
  for (uint32_t i = 10; i < 70'000; ++i) {
    out = stream.rewrite(static_cast<uint16_t>(i), i, false, now);
    REQUIRE(out);
    REQUIRE(out->sequence == static_cast<uint16_t>(i - 7));
  }
}

TEST_CASE("after a complete cycle of sequence numbers, reordering is still no reason to drop") {
  const Instant now{1h};
  StreamRewriter stream(0, 0);
  REQUIRE(stream.rewrite(0, 0, true, now));
  for (uint32_t i = 1; i <= 0x10002; ++i) {
    if (i != 0xFFFF) REQUIRE(stream.rewrite(static_cast<uint16_t>(i), i, false, now));
  }
  CHECK(stream.rewrite(0xFFFF, 0xFFFF, false, now).has_value());
}

}  // namespace
}  // namespace sluice
