#include "filters/rtp_router/slot_stream.h"

#include <doctest/doctest.h>

#include <vector>

#include "source/codec/rendering_extension.h"
#include "source/net/packet_pool.h"

namespace sluice::rtp_router {
namespace {

constexpr Voice kVoice{.room = 1,
                       .speaker = 5,
                       .csrc = 0xC5C5,
                       .stream = 0,
                       .index = 1,
                       .payload_at = rtp::kHeaderSize,
                       .level = 0x85,
                       .has_level = true,
                       .speech = {}};
const std::vector<uint8_t> kOpus{0x78, 1, 2, 3};

struct Input {
  uint16_t sequence = 10;
  uint32_t timestamp = 1000;
  bool marker = false;
  std::vector<uint8_t> payload = kOpus;
  bool padded = false;  // the last byte of the payload counts the padding
};

struct Fixture {
  // Returns the packet that the receiver gets, or null.
  net::PacketPtr write(const Input& input, const Voice& voice = kVoice) {
    const rtp::Header header{.marker = input.marker,
                             .payload_type = 111,
                             .sequence = input.sequence,
                             .timestamp = input.timestamp,
                             .ssrc = 0x7777};
    std::vector<uint8_t> bytes(header.size());
    rtp::write(header, bytes.data());
    bytes[0] = static_cast<uint8_t>(bytes[0] | (input.padded ? 0x20 : 0));
    bytes.insert(bytes.end(), input.payload.begin(), input.payload.end());
    const net::PacketPtr in = packet();
    REQUIRE(in->assign(bytes));
    net::PacketPtr out = packet();
    return stream.write(*in, voice, hearer, now, *out) ? std::move(out) : nullptr;
  }
  rtp::Packet written(const Input& input, const Voice& voice = kVoice) {
    kept = write(input, voice);
    REQUIRE(kept != nullptr);
    REQUIRE(kept->rtp() != nullptr);
    return *kept->rtp();
  }
  net::PacketPtr packet() {
    net::PacketPtr packet = pool.acquire();
    packet->settle();
    return packet;
  }

  net::PacketPool pool{16};
  rooms::Slot slot = [] {
    rooms::Slot slot;
    slot.opus_payload_type = 109;
    slot.extensions = {.mid = 4, .audio_level = 3};
    slot.ssrc = 0x1234;
    return slot;
  }();
  rooms::SlotSequence sequence;
  SlotStream stream{slot, sequence};
  Instant now{1h};
  const audibility::Hearer* hearer = nullptr;
  net::PacketPtr kept;  // the last one written
};

TEST_CASE(
    "SlotStream: a packet has the slot's SSRC, payload type and extension ids, and the speaker's CSRC") {
  Fixture f;
  const rtp::Packet out = f.written({});
  CHECK(out.ssrc == 0x1234);
  CHECK(out.payload_type == 109);
  REQUIRE(out.csrcCount() == 1);
  CHECK(out.csrc(0) == 0xC5C5);
  const auto level = out.findExtension(3);
  REQUIRE(level);
  CHECK(std::vector(level->begin(), level->end()) == std::vector<uint8_t>{0x85});
  CHECK_FALSE(out.findExtension(4));
  CHECK(std::vector(out.payload.begin(), out.payload.end()) == kOpus);
}

TEST_CASE("SlotStream: without a level, or a slot that negotiated it, a packet has no header extension") {
  Fixture f;
  Voice voice = kVoice;
  voice.has_level = false;
  CHECK(f.written({}, voice).profile == 0);
  f.slot.extensions.audio_level = 0;
  CHECK(f.written({.sequence = 11}).profile == 0);
}

TEST_CASE("SlotStream: a speaker's first packet says how to render it, and one every 50 ms") {
  Fixture f;
  f.slot.extensions.rendering = 5;
  audibility::Hearer hearer{.rendering = {.gain = 0.5F, .azimuth = -30, .distance = 12}};
  const auto rendering = [&](uint16_t sequence, const Voice& voice = kVoice) {
    const auto element = f.written({.sequence = sequence}, voice).findExtension(5);
    return element ? rtp::readRendering(*element) : std::nullopt;
  };
  CHECK_FALSE(rendering(9));  // the room has no rules
  f.hearer = &hearer;
  Voice voice = kVoice;
  voice.speaker = 6;
  const auto sent = rendering(10, voice);
  REQUIRE(sent);
  CHECK(sent->gain == doctest::Approx(0.5).epsilon(0.05));
  CHECK(sent->azimuth == -30);
  CHECK(sent->distance == 12);
  CHECK(f.kept->rtp()->findExtension(3));
  CHECK(f.kept->rtp()->payload.data() - f.kept->data().data() == 32);  // repair can keep it
  f.now += 49ms;
  ++voice.index;
  CHECK_FALSE(rendering(11, voice));
  f.now += 1ms;
  ++voice.index;
  hearer.rendering.azimuth = 90;
  CHECK(rendering(12, voice)->azimuth == 90);
  voice.index += 5;  // inaudible in between
  CHECK(rendering(17, voice));
  f.slot.extensions.rendering = 0;
  f.now += 1s;
  CHECK_FALSE(rendering(18, voice));
}

TEST_CASE("SlotStream: the first packet of a speaker or of another stream of the speaker has the marker") {
  Fixture f;
  const rtp::Packet first = f.written({.sequence = 10});
  CHECK(first.marker);
  const auto follows = [&](const rtp::Packet& out, int by) {
    return out.sequence == static_cast<uint16_t>(first.sequence + by);
  };
  rtp::Packet out = f.written({.sequence = 11});
  CHECK_FALSE(out.marker);
  CHECK(follows(out, 1));
  out = f.written({.sequence = 12, .marker = true});
  CHECK(out.marker);
  CHECK(follows(out, 2));
  Voice voice = kVoice;
  voice.speaker = 6;
  out = f.written({.sequence = 40'000}, voice);
  CHECK(out.marker);
  CHECK(follows(out, 3));
  voice.stream = 1;
  out = f.written({.sequence = 7}, voice);
  CHECK(out.marker);
  CHECK(follows(out, 4));
}

TEST_CASE("SlotStream: the first sequence number is below 2^15") {
  for (int i = 0; i < 50; ++i) CHECK(Fixture().written({}).sequence < 0x8000);
}

TEST_CASE("SlotStream: numbers that another filter reserved are skipped once") {
  Fixture f;
  const uint16_t first = f.written({.sequence = 10}).sequence;
  f.sequence.reserve(5);
  CHECK(f.written({.sequence = 11}).sequence == static_cast<uint16_t>(first + 6));
  CHECK(f.written({.sequence = 12}).sequence == static_cast<uint16_t>(first + 7));
}

TEST_CASE("SlotStream: a packet from before the speaker's first one, or a duplicate, is not sent") {
  Fixture f;
  CHECK(f.write({.sequence = 10}) != nullptr);
  CHECK(f.write({.sequence = 9}) == nullptr);
  CHECK(f.write({.sequence = 10}) == nullptr);
  CHECK(f.stream.report(1, f.now)->packets == 1);
}

TEST_CASE("SlotStream: a packet that exceeds an MTU with the slot's header is not sent") {
  Fixture f;
  const size_t header = f.written({.sequence = 10}).payload.data() - f.kept->data().data();
  const auto with = [](uint16_t sequence, size_t size) {
    return Input{.sequence = sequence, .payload = std::vector<uint8_t>(size, 1)};
  };
  CHECK(f.write(with(11, net::Packet::kMaxPayload - header + 1)) == nullptr);
  CHECK(f.stream.report(1, f.now)->packets == 1);
  const net::PacketPtr longest = f.write(with(12, net::Packet::kMaxPayload - header));
  REQUIRE(longest != nullptr);
  CHECK(longest->size() == net::Packet::kMaxPayload);
}

TEST_CASE("SlotStream: padding stays in the packet and is not counted as payload (RFC 3550 section 6.4.1)") {
  Fixture f;
  rtp::Packet out = f.written({.sequence = 10, .payload = {0x78, 1, 0, 0, 3}, .padded = true});
  CHECK(out.padding == 3);
  CHECK(out.payload.size() == 2);
  out = f.written({.sequence = 11, .payload = {0, 0, 0, 4}, .padded = true});
  CHECK(out.padding == 4);
  CHECK(out.payload.empty());
  const auto report = f.stream.report(1, f.now);
  REQUIRE(report);
  CHECK(report->packets == 2);
  CHECK(report->octets == 2);
}

TEST_CASE("SlotStream: a sender report counts packets and octets, and there is none without new packets") {
  Fixture f;
  CHECK_FALSE(f.stream.report(1, f.now));
  const uint32_t timestamp = f.written({.sequence = 10}).timestamp;
  f.write({.sequence = 11, .timestamp = 1000});
  f.now += 10ms;
  const auto report = f.stream.report(0xABCD, f.now);
  REQUIRE(report);
  CHECK(report->ssrc == 0x1234);
  CHECK(report->ntp == 0xABCD);
  CHECK(report->rtp_timestamp == timestamp + 480);
  CHECK(report->packets == 2);
  CHECK(report->octets == 2 * kOpus.size());
  CHECK_FALSE(f.stream.report(1, f.now));
  f.write({.sequence = 12});
  CHECK(f.stream.report(1, f.now)->packets == 3);
}

TEST_CASE("SlotStream: another process continues the numbers and the counts") {
  Fixture before, after;
  const rtp::Packet first = before.written({.sequence = 10});
  Descriptors none;
  Archive out(none);
  before.stream.archive(out);
  const std::string bytes = out.takeBytes();
  Archive in(asBytes(bytes), none);
  after.stream.archive(in);
  CHECK(after.stream.report(1, after.now)->packets == 1);
  const rtp::Packet next = after.written({.sequence = 11, .timestamp = 1960});
  CHECK(next.sequence == static_cast<uint16_t>(first.sequence + 1));
  CHECK(next.timestamp == first.timestamp + 960);
  CHECK_FALSE(next.marker);
  CHECK(after.stream.report(1, after.now)->packets == 2);
}

}  // namespace
}  // namespace sluice::rtp_router
