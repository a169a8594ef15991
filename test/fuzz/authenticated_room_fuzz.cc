// Voice, RED, RTX, RTCP and anything else from two authenticated players, encrypted under their keys, while
// time passes, the configuration is reloaded and other processes take over. An input is a list of commands.
#include <cstdint>
#include <vector>

#include "filters/fragment/fragment_header.h"
#include "source/codec/rtp.h"
#include "test/fuzz/authenticated_room.h"
#include "test/fuzz/input.h"

namespace {

using namespace sluice;

constexpr size_t kMaxPayload = 1300;
constexpr int kMaxCommands = 300;

// A player's client and where its stream is.
class Speaker {
 public:
  Speaker(fuzz::AuthenticatedRoom& room, fuzz::Member& member) : room_(room), member_(member) {}

  void run(fuzz::Input& input, uint8_t flags) {
    const unsigned address = flags & 1u;
    switch (input.u8() % 9) {
      case 0:
        return speak(input, flags);
      case 1:
        return member_.sendRtp(packet(input), address);
      case 2:
        return member_.sendRtp(withSsrc(input.bytes(kMaxPayload), 8, member_.ssrc), address);
      case 3:
        return sendRtcp(input, flags);
      case 4:
        return askFor(input.i8(), input.u16());
      case 5:
        return member_.send(input.bytes(net::Packet::kMaxPayload), address);
      case 6:
        return member_.check(input.bytes(200), address, (flags & 2) != 0);
      case 7:
        return member_.repeatLast(address);
      default:
        return sendFragments(input);
    }
  }

 private:
  // Up to eight frames, 20 ms apart; each bit of the mask loses one.
  void speak(fuzz::Input& input, uint8_t flags) {
    const uint8_t lost = input.u8();
    const Bytes frame = input.bytes(200);
    for (int i = 0; i < 8; ++i) {
      ++sequence_;
      timestamp_ += 960;
      if ((lost >> i & 1) == 0) member_.sendRtp(rtpPacket(fuzz::kOpus, frame, (flags & 2) != 0));
      room_.wait(20ms);
    }
  }

  // One packet: its type, steps of its numbers, its payload.
  std::vector<uint8_t> packet(fuzz::Input& input) {
    constexpr uint8_t kTypes[] = {fuzz::kOpus, fuzz::kRed, fuzz::kRtx, 0};
    const uint8_t flags = input.u8();
    const int step = input.i8();
    sequence_ = static_cast<uint16_t>(sequence_ + step * ((flags & 4) != 0 ? 300 : 1));
    timestamp_ += static_cast<uint32_t>(step * ((flags & 8) != 0 ? 480'000 : 960));
    auto bytes = rtpPacket(kTypes[flags & 3], input.bytes(kMaxPayload), (flags & 16) != 0);
    if ((flags & 32) != 0) bytes[0] |= 0x20;                  // padding
    if ((flags & 64) != 0) bytes[0] |= 0x10;                  // an extension, of any form
    if ((flags & 128) != 0) writeU32(&bytes[8], flags & 7u);  // another SSRC
    return bytes;
  }

  std::vector<uint8_t> rtpPacket(uint8_t type, Bytes payload, bool level) const {
    const std::vector<uint8_t> speech{0x85};
    const rtp::ExtensionElement extension{1, speech};
    rtp::Header header{
        .payload_type = type, .sequence = sequence_, .timestamp = timestamp_, .ssrc = member_.ssrc};
    if (level) header.extensions = {&extension, 1};
    std::vector<uint8_t> bytes(header.size());
    rtp::write(header, bytes.data());
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    return bytes;
  }

  void sendRtcp(fuzz::Input& input, uint8_t flags) {
    auto bytes = withSsrc(input.bytes(kMaxPayload), 4, member_.ssrc);
    if ((flags & 2) != 0) bytes = withSsrc(bytes, 8, member_.slot_ssrc);
    member_.sendRtcp(bytes, flags & 1u);
  }

  // A NACK for the packet that arrived last, or for the next one.
  void askFor(int8_t back, uint16_t following) {
    std::vector<uint8_t> bytes{0x80, 201, 0, 1, 0, 0, 0, 0, 0x81, 205, 0, 3};
    bytes.resize(24);
    writeU32(&bytes[4], member_.ssrc);
    writeU32(&bytes[12], member_.ssrc);
    writeU32(&bytes[16], member_.slot_ssrc);
    writeU16(&bytes[20], static_cast<uint16_t>(member_.last_received - back));
    writeU16(&bytes[22], following);
    member_.sendRtcp(bytes);
  }

  void sendFragments(fuzz::Input& input) {
    const uint8_t header = input.u8();
    const Bytes piece = input.bytes(kMaxPayload);
    std::vector<uint8_t> bytes(fragment::FragmentHeader::kSize);
    fragment::write({.id = static_cast<uint16_t>(input.u8() % 4),
                     .index = static_cast<uint8_t>(header >> 4),
                     .last = static_cast<uint8_t>(header & 15)},
                    bytes.data());
    bytes.insert(bytes.end(), piece.begin(), piece.end());
    member_.send(bytes);
  }

  static std::vector<uint8_t> withSsrc(Bytes packet, size_t at, uint32_t ssrc) {
    std::vector<uint8_t> bytes(packet.begin(), packet.end());
    if (bytes.size() >= at + 4) writeU32(&bytes[at], ssrc);
    return bytes;
  }

  fuzz::AuthenticatedRoom& room_;
  fuzz::Member& member_;
  uint16_t sequence_ = 0xFFF0;
  uint32_t timestamp_ = 0xFFFF0000;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  fuzz::AuthenticatedRoom room(input.u8());
  Speaker speakers[] = {{room, room.members[0]}, {room, room.members[1]}};
  for (int left = kMaxCommands; left > 0 && !input.atEnd(); --left) {
    const uint8_t command = input.u8(), flags = command >> 4;
    switch (command & 15) {
      case 0:
        room.wait(std::chrono::milliseconds{input.u8()});
        break;
      case 1:
        room.wait(std::chrono::milliseconds{input.u8() * 40});
        break;
      case 2:
        room.reload(flags);
        break;
      case 3:
        room.takeOver();
        break;
      case 4:
        room.worker().busy_share = flags / 16.0;
        break;
      default:
        speakers[command & 1].run(input, flags);
    }
    for (fuzz::Member& member : room.members) member.receive();
    if (room.members[0].isClosed() || room.members[1].isClosed()) break;
  }
  return 0;
}
