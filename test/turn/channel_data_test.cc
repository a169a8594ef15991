#include "source/turn/channel_data.h"

#include <doctest/doctest.h>

#include <vector>

namespace sluice::turn {
namespace {

TEST_CASE("RFC 8656 12.4: a ChannelData message has a channel and the length of its data") {
  std::vector<uint8_t> message(kChannelDataHeader + 5);
  writeChannelDataHeader(message, {.channel = 0x4001, .length = 5});
  CHECK(message == std::vector<uint8_t>{0x40, 0x01, 0, 5, 0, 0, 0, 0, 0});
  const auto read = parseChannelData(message);
  REQUIRE(read);
  CHECK(read->channel == 0x4001);
  CHECK(read->length == 5);
}

TEST_CASE("RFC 8656 12.5: over UDP the datagram may have padding after the data") {
  const std::vector<uint8_t> message{0x40, 0x01, 0, 1, 'x', 0, 0, 0};
  REQUIRE(parseChannelData(message));
  CHECK(parseChannelData(message)->length == 1);
}

TEST_CASE("parseChannelData: messages that are shorter than their length field are refused") {
  const std::vector<uint8_t> message{0x40, 0x01, 0, 3, 'x', 'y', 'z'};
  for (size_t size = 0; size <= message.size(); ++size) {
    CAPTURE(size);
    CHECK(parseChannelData(Bytes(message).first(size)).has_value() == (size == message.size()));
  }
  CHECK(parseChannelData(std::vector<uint8_t>{0x40, 0x01, 0, 0}));
}

}  // namespace
}  // namespace sluice::turn
