#include "source/codec/rtcp_extended.h"

#include <doctest/doctest.h>

#include <array>

#include "test/support/hex.h"

namespace sluice::rtcp {
namespace {

using test::hex;

TEST_CASE("a reference time is written as RFC 3611 section 4.4 defines it") {
  std::array<uint8_t, 64> buffer;
  Writer writer(buffer);
  addReferenceTime(writer, 0x01020304, 0x1122334455667788);
  REQUIRE(writer.finish() == 20);
  const auto expected = hex("80cf0004 01020304 04000002 11223344 55667788");
  CHECK(std::equal(expected.begin(), expected.end(), buffer.begin()));
}

TEST_CASE("a DLRR block gives the round trip") {
  // Another block first; two sub-blocks; kept for a quarter of a second of half a second.
  const auto bytes =
      hex("80cf000b 00000009 04000002 00000000 00000000 05000006 00000007 00010000 00004000 "
          "00000008 00010000 00000000");
  Reader reader(bytes);
  const auto packet = reader.next();
  REQUIRE(packet);
  CHECK(referenceRoundTrip(*packet, 7, 0x18000) == 250ms);
  CHECK(referenceRoundTrip(*packet, 8, 0x18000) == 500ms);
  CHECK_FALSE(referenceRoundTrip(*packet, 9, 0x18000));
  CHECK_FALSE(referenceRoundTrip(*packet, 7, 0x10000));  // kept for longer than it was away
}

TEST_CASE("rtcp: truncated data, and packets that are not extended reports, give nothing") {
  for (const char* text : {"80cf0001 00000009", "80cf0002 00000009 05000009",
                           "80cf0003 00000009 05000001 00000007", "80c90001 00000009", "80cf0000"}) {
    CAPTURE(text);
    const auto bytes = hex(text);
    Reader reader(bytes);
    const auto packet = reader.next();
    REQUIRE(packet);
    CHECK_FALSE(referenceRoundTrip(*packet, 7, 0x18000));
  }
}

}  // namespace
}  // namespace sluice::rtcp
