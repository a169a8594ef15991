#include "source/codec/red.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "test/support/hex.h"

namespace sluice::red {
namespace {

using test::hex;

TEST_CASE("red::parse: a redundant and a primary block") {
  // Payload type 111, 960 units older, 2 bytes; then the primary.
  const auto bytes = hex("ef 0f0002 6f aabb ccddee");
  const auto packet = parse(bytes);
  REQUIRE(packet);
  REQUIRE(packet->count == 2);
  CHECK(packet->redundant().size() == 1);
  CHECK(packet->blocks[0].payload_type == 111);
  CHECK(packet->blocks[0].timestamp_offset == 960);
  CHECK(packet->blocks[0].data.size() == 2);
  CHECK(packet->primary().data.size() == 3);
  CHECK(packet->primary().timestamp_offset == 0);
}

TEST_CASE("red::parse: a primary block alone, and an empty one") {
  CHECK(parse(hex("6f aa"))->count == 1);
  CHECK(parse(hex("6f"))->primary().data.empty());
}

TEST_CASE("red: headers are parsed as they were written") {
  const auto old = hex("0102");
  const Block redundant[] = {{111, 1920, old}, {111, 960, {}}};
  std::vector<uint8_t> payload(headerSize(2));
  writeHeaders(redundant, 111, payload.data());
  payload.insert(payload.end(), old.begin(), old.end());
  payload.push_back(0xcc);
  const auto packet = parse(payload);
  REQUIRE(packet);
  REQUIRE(packet->count == 3);
  CHECK(packet->blocks[0].timestamp_offset == 1920);
  CHECK(packet->blocks[0].data.size() == 2);
  CHECK(packet->blocks[1].timestamp_offset == 960);
  CHECK(packet->blocks[1].data.empty());
  CHECK(packet->primary().data[0] == 0xcc);
}

TEST_CASE("red::parse: malformed payloads are refused") {
  for (const std::string bad :
       {"", "ef", "ef 0f00", "ef 0f0002", "ef 0f0002 6f aa", "ef 0f0001 ef 0f0001 6f aa"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse(hex(bad)));
  }
  std::vector<uint8_t> many;
  for (size_t i = 0; i < kMaxBlocks; ++i) many.insert(many.end(), {0xef, 0, 0, 0});
  many.push_back(0x6f);
  CHECK_FALSE(parse(many));
}

}  // namespace
}  // namespace sluice::red
