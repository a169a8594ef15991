#include "source/codec/rtcp_extended.h"

namespace sluice::rtcp {
namespace {

constexpr uint8_t kReferenceTime = 4;
constexpr uint8_t kDelaySinceReferenceTime = 5;

}  // namespace

//   | SSRC | BT=4 | reserved | block length = 2 | NTP timestamp (64) |
void addReferenceTime(Writer& writer, uint32_t sender, Ntp now) {
  uint8_t* at = writer.add(kExtendedReport, 0, 16);
  if (at == nullptr) return;
  writeU32(at, sender);
  at[4] = kReferenceTime;
  at[5] = 0;
  writeU16(at + 6, 2);
  writeU64(at + 8, now);
}

//   | SSRC | blocks: | BT=5 | reserved | block length | sub-blocks: | SSRC | last RR | delay since last RR |
std::optional<Duration> referenceRoundTrip(const Packet& packet, uint32_t ssrc, uint32_t now_middle) {
  if (packet.type != kExtendedReport || packet.body.size() < 4) return std::nullopt;
  for (Bytes rest = packet.body.subspan(4); rest.size() >= 4;) {
    const size_t size = 4 + size_t{4} * readU16(&rest[2]);
    if (size > rest.size()) return std::nullopt;
    for (size_t at = 4; rest[0] == kDelaySinceReferenceTime && at + 12 <= size; at += 12) {
      if (readU32(&rest[at]) != ssrc) continue;
      // The same sum as for sender reports.
      ReportBlock block;
      block.last_sr = readU32(&rest[at + 4]);
      block.delay_since_last_sr = readU32(&rest[at + 8]);
      return roundTrip(block, now_middle);
    }
    rest = rest.subspan(size);
  }
  return std::nullopt;
}

}  // namespace sluice::rtcp
