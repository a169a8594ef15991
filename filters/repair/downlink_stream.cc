#include "filters/repair/downlink_stream.h"

#include <algorithm>
#include <utility>

#include "source/base/random.h"
#include "source/codec/opus_toc.h"
#include "source/codec/sequence.h"
#include "source/media/payload.h"

namespace sluice::repair {

DownlinkStream::DownlinkStream(const rooms::Slot& slot, rooms::SlotSequence& numbers, size_t history)
    : slot_(slot), numbers_(numbers), history_(history) {
  numbers_.beginRtx(rtp::firstSequence(randomU32()));
}

DownlinkStream::Redundancy DownlinkStream::redundancy(const rtp::Packet& rtp, size_t wanted) {
  Redundancy redundancy;
  // A receiver takes the blocks for the packets just before this one, so the first misfit ends them.
  for (size_t back = 1; back <= wanted; ++back) {
    const SentPacket* sent = history_.find(static_cast<uint16_t>(rtp.sequence - back));
    if (sent == nullptr || sent->primary_size > red::kMaxBlockSize) break;
    const uint32_t offset = rtp.timestamp - sent->timestamp;
    if (offset == 0 || offset > red::kMaxTimestampOffset || opus::isDtx(sent->primary())) break;
    redundancy.blocks[redundancy.count++] = {slot_.opus_payload_type, static_cast<uint16_t>(offset),
                                             sent->primary()};
    redundancy.size += sent->primary_size;
  }
  std::reverse(redundancy.blocks.begin(),
               redundancy.blocks.begin() + static_cast<ptrdiff_t>(redundancy.count));
  if (redundancy.count > 0) redundancy.size += red::headerSize(redundancy.count);
  return redundancy;
}

bool DownlinkStream::addRedundancy(net::Packet& packet, const rtp::Packet& rtp,
                                   const Redundancy& redundancy) const {
  uint8_t* out = media::growPayload(packet, rtp, redundancy.size, slot_.red_payload_type);
  if (out == nullptr) return false;
  red::writeHeaders(redundancy.used(), slot_.opus_payload_type, out);
  out += red::headerSize(redundancy.count);
  for (const red::Block& block : redundancy.used()) out = std::ranges::copy(block.data, out).out;
  return true;
}

int DownlinkStream::numbersBefore(uint16_t sequence) {
  constexpr int kMaxGap = 100;  // a longer gap means another stream
  const int distance = rtp::sequenceDistance(newest_, sequence);
  const bool jumps = !std::exchange(started_, true) || distance > kMaxGap || distance < -kMaxGap;
  if (jumps || distance > 0) newest_ = sequence;
  if (jumps) return 0;
  return distance > 0 ? distance - 1 : -1;
}

SentPacket* DownlinkStream::pause() {
  const auto is_dtx = [](const SentPacket* sent) {
    return sent != nullptr && sent->primary_size > 0 && opus::isDtx(sent->primary());
  };
  SentPacket* sent = history_.find(newest_);
  const bool continues = is_dtx(history_.find(static_cast<uint16_t>(newest_ - 1)));
  return is_dtx(sent) && !continues ? sent : nullptr;
}

SentPacket* DownlinkStream::remember(Bytes packet, const rtp::Packet& rtp, net::SharedPacket block,
                                     Instant now) {
  const auto header_size = static_cast<size_t>(rtp.payload.data() - packet.data());
  if (header_size > SentPacket::kMaxHeader) return nullptr;
  SentPacket& sent = history_.add(rtp.sequence);
  std::ranges::copy(packet.first(header_size), sent.header.begin());
  sent.block = std::move(block);
  sent.header_size = static_cast<uint8_t>(header_size);
  sent.payload_size = static_cast<uint16_t>(packet.size() - header_size);
  sent.primary_size = static_cast<uint16_t>(rtp.padding > 0 ? 0 : rtp.payload.size());
  sent.timestamp = rtp.timestamp;
  sent.at = sent.last = now;
  return &sent;
}

// RFC 4588 section 4: the header with RTX's SSRC, payload type and sequence number, then the original
// sequence number and payload.
bool DownlinkStream::resend(const SentPacket& sent, net::Packet& out) {
  const bool rtx = slot_.rtx_payload_type != 0;
  const size_t extra = rtx ? kRtxHeader : 0;
  out.resize(sent.header_size + extra + sent.payload_size);
  uint8_t* header = out.mutableData().data();
  uint8_t* at = std::ranges::copy(sent.headerBytes(), header).out;
  std::ranges::copy(sent.payload(), at + extra);
  out.kind = PacketKind::kRtp;
  if (rtx) {
    header[1] = static_cast<uint8_t>((header[1] & 0x80) | slot_.rtx_payload_type);
    writeU16(header + 2, numbers_.nextRtx());
    writeU32(header + 8, slot_.rtx_ssrc);
    writeU16(at, sent.sequence);
  } else if (sent.red_blocks > 0) {
    const rtp::Packet* rtp = out.rtp();
    const Redundancy before = redundancy(*rtp, sent.red_blocks);
    return before.size == sent.red_size && addRedundancy(out, *rtp, before);
  }
  return true;
}

}  // namespace sluice::repair
