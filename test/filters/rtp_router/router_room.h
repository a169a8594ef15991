// Players of a room whose chains have only a router.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "filters/rtp_router/rtp_router.h"
#include "source/codec/rtp.h"
#include "test/support/room_fixture.h"

namespace sluice::test {

inline constexpr uint32_t kSsrc = 0xAAAA0001;
inline const std::vector<uint8_t> kPayload{1, 2, 3, 4};

struct VoicePacket {
  uint16_t sequence = 1;
  uint32_t timestamp = 960;
  uint32_t ssrc = kSsrc;
  uint8_t payload_type = 111;
  std::vector<rtp::ExtensionElement> extensions{};
  std::vector<uint8_t> payload = kPayload;

  std::vector<uint8_t> bytes() const {
    const rtp::Header header{.payload_type = payload_type,
                             .sequence = sequence,
                             .timestamp = timestamp,
                             .ssrc = ssrc,
                             .extensions = extensions};
    std::vector<uint8_t> out(header.size());
    rtp::write(header, out.data());
    out.insert(out.end(), payload.begin(), payload.end());
    return out;
  }
};

struct RouterRoom : RoomFixture {
  using RoomFixture::RoomFixture;

  struct PlayerOptions {
    std::vector<uint32_t> ssrcs{kSsrc};
    unsigned slots = 2;
    uint8_t payload_type = 111;
    uint8_t red_payload_type = 0;
    rooms::ExtensionIds extensions{.mid = 4, .audio_level = 1};
    bool sends = true;
    unsigned worker = 0;
  };

  ChainHarness& add(const std::string& name, const PlayerOptions& options, const char* config = "") {
    Media media{.ssrcs = options.ssrcs, .sends = options.sends, .slots = options.slots};
    media.section = {.mid = "0",
                     .opus_payload_type = options.payload_type,
                     .red_payload_type = options.red_payload_type,
                     .extensions = options.extensions};
    return join(name, media, {{rtp_router::filterType(), config}}, "room", options.worker);
  }
  ChainHarness& add(const std::string& name) { return add(name, PlayerOptions{}); }
};

inline rtp::Packet received(const ChainHarness& receiver) {
  REQUIRE(!receiver.outer.empty());
  const auto packet = rtp::parse(receiver.outer.back().data);
  REQUIRE(packet.has_value());
  return *packet;
}

}  // namespace sluice::test
