#include "source/codec/rtcp_feedback.h"

#include <doctest/doctest.h>

#include <array>
#include <vector>

#include "test/support/hex.h"

namespace sluice::rtcp {
namespace {

using test::hex;

std::vector<uint16_t> lostIn(Bytes compound, uint32_t media) {
  std::vector<uint16_t> lost;
  Reader reader(compound);
  while (const auto packet = reader.next()) {
    forEachLost(*packet, [&](uint32_t ssrc, uint16_t sequence) {
      CHECK(ssrc == media);
      lost.push_back(sequence);
    });
  }
  CHECK(reader.done());
  return lost;
}

TEST_CASE("a NACK names the first and 16 following (RFC 4585 section 6.2.1)") {
  CHECK(lostIn(hex("81cd0003 00000001 00000002 fffe8003"), 2) ==
        std::vector<uint16_t>{0xfffe, 0xffff, 0x0000, 0x000e});
}

TEST_CASE("NACKs are parsed as they were written, with neighbouring sequence numbers in one entry") {
  struct Case {
    std::vector<uint16_t> sequences;
    size_t entries;
  };
  const Case cases[] = {{{7}, 1},           {{7, 8, 23}, 1},         {{7, 24}, 2},
                        {{65535, 0, 3}, 1}, {{1, 100, 101, 200}, 3}, {{}, 0}};
  for (const Case& c : cases) {
    std::array<uint8_t, 128> buffer;
    Writer writer(buffer);
    addNack(writer, 1, 2, c.sequences);
    const auto size = writer.finish();
    REQUIRE(size);
    CHECK(*size == (c.entries == 0 ? 0 : 12 + 4 * c.entries));
    CHECK(lostIn(Bytes(buffer).first(*size), 2) == c.sequences);
  }
}

TEST_CASE("a NACK that does not fit invalidates the compound") {
  std::array<uint8_t, 12> buffer;
  Writer writer(buffer);
  addNack(writer, 1, 2, std::array<uint16_t, 1>{1});
  CHECK_FALSE(writer.finish());
}

TEST_CASE("bit rates are parsed as they were written, rounded down to their mantissa") {
  for (const uint64_t bps :
       {0ull, 1ull, 32'000ull, 131'071ull, 262'143ull, 10'000'000ull, 0x3FFFFull << 40}) {
    CAPTURE(bps);
    std::array<uint8_t, 64> buffer;
    Writer writer(buffer);
    addRemb(writer, 1, 2, bps);
    addTmmbr(writer, 1, 2, bps, 40);
    const auto size = writer.finish();
    REQUIRE(size);
    Reader reader(Bytes(buffer).first(*size));
    const auto remb = readRemb(*reader.next());
    REQUIRE(remb);
    CHECK(*remb <= bps);
    CHECK(*remb >= bps - bps / 131'072);
    const auto packet = reader.next();
    const auto tmmbr = readTmmbr(*packet, 2);
    REQUIRE(tmmbr);
    CHECK(*tmmbr <= bps);
    CHECK(*tmmbr >= bps - bps / 65'536);
    CHECK_FALSE(readTmmbr(*packet, 3));
  }
}

TEST_CASE("rtcp: other and malformed feedback is ignored") {
  for (const char* bytes :
       {"8fce0002 00000001 00000000", "8fce0004 00000001 00000000 52454d43 01000001 00000002",
        "8fce0004 00000001 00000000 52454d42 01ffffff", "8fcd0002 00000001 00000002",
        "83cd0003 00000001 00000000 00000002"}) {
    CAPTURE(bytes);
    const auto data = hex(bytes);
    Reader reader(data);
    const auto packet = reader.next();
    if (!packet) continue;
    CHECK_FALSE(readRemb(*packet));
    CHECK_FALSE(readTmmbr(*packet, 2));
    forEachLost(*packet, [](uint32_t, uint16_t) { FAIL("no NACK"); });
  }
}

}  // namespace
}  // namespace sluice::rtcp
