// repair and a router: a speaker's chain and a receiver's chain in one room.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "filters/pacer/pacer.h"
#include "filters/repair/repair.h"
#include "filters/rtp_router/rtp_router.h"
#include "source/codec/rtcp_feedback.h"
#include "test/support/room_fixture.h"

namespace sluice::test {

inline constexpr uint32_t kSsrc = 0xAAAA0001;
inline constexpr uint32_t kRtxSsrc = 0xAAAA0002;
inline constexpr uint8_t kOpus = 111;
inline constexpr uint8_t kRed = 63;
inline constexpr uint8_t kRtx = 97;

inline std::vector<uint8_t> frame(uint16_t sequence) {
  return {0x78, static_cast<uint8_t>(sequence >> 8), static_cast<uint8_t>(sequence), 4, 5, 6};
}

inline std::vector<uint8_t> rtpPacket(uint16_t sequence, std::vector<uint8_t> payload,
                                      uint8_t payload_type = kOpus, uint32_t ssrc = kSsrc) {
  const rtp::Header header{.marker = false,
                           .payload_type = payload_type,
                           .sequence = sequence,
                           .timestamp = sequence * 960u,
                           .ssrc = ssrc,
                           .csrcs = {},
                           .extensions = {}};
  std::vector<uint8_t> out(header.size());
  rtp::write(header, out.data());
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

inline std::vector<uint8_t> compound(const std::function<void(rtcp::Writer&)>& fill) {
  std::vector<uint8_t> out(1000);
  rtcp::Writer writer(out);
  fill(writer);
  out.resize(*writer.finish());
  return out;
}

// The negotiated repair of a player's media section.
struct Agreed {
  bool nack = true;
  bool red = false;
  bool rtx = false;
  std::vector<uint32_t> ssrcs{};
  const char* pacer = nullptr;  // outward of repair; null: none
};

struct Room : RoomFixture {
  ChainHarness& speaker;
  ChainHarness& receiver;
  uint16_t next = 100;

  explicit Room(Agreed agreed = {}, const char* config = "")
      : speaker(add("speaker", agreed, config)), receiver(add("receiver", agreed, config)) {
    directory.find("room", "speaker")->line.onRoundTrip(std::chrono::microseconds{40'000});
    directory.find("room", "receiver")->line.onRoundTrip(std::chrono::microseconds{40'000});
  }

  ChainHarness& add(const std::string& name, Agreed agreed, const char* config = "",
                    const char* room = "room") {
    Media media{.ssrcs = agreed.ssrcs};
    media.section.opus_payload_type = kOpus;
    media.section.feedback.nack = agreed.nack;
    if (agreed.red) media.section.red_payload_type = kRed;
    if (agreed.rtx) media.section.rtx_payload_type = kRtx;
    std::vector<FilterConfig> filters{{repair::filterType(), config}, {rtp_router::filterType(), ""}};
    if (agreed.pacer != nullptr) filters.insert(filters.begin(), {pacer::filterType(), agreed.pacer});
    return join(name, media, std::move(filters), room);
  }

  void speak(uint16_t sequence) { speaker.ingress(rtpPacket(sequence, frame(sequence))); }
  // Sends the next frame, and waits 20 ms.
  void speak() {
    speak(next++);
    wait(20ms);
  }
  // The number of packets of the worker that are held.
  size_t held() {
    std::vector<net::PacketPtr> free;
    while (net::PacketPtr packet = worker.pool().acquire()) free.push_back(std::move(packet));
    for (auto& packet : free) packet->settle();
    return worker.pool().allocated() - free.size();
  }
  uint32_t slot() const { return receiver.session.known_player->negotiated.slots[0].ssrc; }
  void request(std::vector<uint16_t> sequences) {
    receiver.ingress(compound([&](rtcp::Writer& w) { rtcp::addNack(w, 1, slot(), sequences); }));
  }
};

inline rtp::Packet asRtp(const Captured& packet) {
  CHECK(packet.kind == PacketKind::kRtp);
  const auto rtp = rtp::parse(packet.data);
  REQUIRE(rtp);
  return *rtp;
}
inline rtp::Packet received(const Room& room) {
  const auto& out = room.receiver.outer;
  const auto last = std::find_if(out.rbegin(), out.rend(),
                                 [](const Captured& packet) { return packet.kind == PacketKind::kRtp; });
  REQUIRE(last != out.rend());
  return asRtp(*last);
}
inline std::string described(ChainHarness& chain, const std::string& field) {
  chain::Description description;
  chain.chain().forEach(
      [&](const std::string&, const chain::Filter& filter) { filter.describe(description); });
  const auto found = std::ranges::find(description, field, [](const auto& entry) { return entry.first; });
  return found == description.end() ? "" : found->second;
}
inline std::vector<uint8_t> bytes(Bytes view) {
  return {view.begin(), view.end()};
}

// The sequence numbers that were requested from a chain's client.
inline std::vector<uint16_t> requests(const ChainHarness& chain) {
  std::vector<uint16_t> requested;
  for (const Captured& packet : chain.outer) {
    if (packet.kind != PacketKind::kRtcp) continue;
    rtcp::Reader reader(packet.data);
    while (const auto part = reader.next()) {
      rtcp::forEachLost(*part, [&](uint32_t ssrc, uint16_t sequence) {
        CHECK(ssrc == kSsrc);
        requested.push_back(sequence);
      });
    }
    CHECK(reader.done());
  }
  return requested;
}

}  // namespace sluice::test
