#include "filters/rtp_router/slot_stream.h"

#include <algorithm>
#include <utility>

#include "source/base/random.h"
#include "source/codec/sequence.h"

namespace sluice::rtp_router {
namespace {

constexpr uint8_t kPaddingBit = 0x20;

}  // namespace

SlotStream::SlotStream(const rooms::Slot& slot, rooms::SlotSequence& sequence)
    : slot_(slot), sequence_(sequence), rewriter_(rtp::firstSequence(randomU32()), randomU32()) {}

bool SlotStream::write(const net::Packet& in, const Voice& voice, bool has_rules, Instant now,
                       net::Packet& out) {
  const bool audible_again = has_rules && index_ != 0 && voice.index != index_ + 1;
  const bool fresh = voice.speaker != speaker_ || voice.stream != speaker_stream_ || audible_again;
  speaker_ = voice.speaker;
  speaker_stream_ = voice.stream;
  index_ = voice.index;
  if (const uint16_t reserved = sequence_.takeReserved()) rewriter_.skip(reserved);
  const uint8_t* source = in.data().data();
  const auto numbers = rewriter_.rewrite(readU16(source + 2), readU32(source + 4), fresh, now);
  if (!numbers) return false;
  const rtp::ExtensionElement level{slot_.extensions.audio_level, Bytes(&voice.level, 1)};
  const bool with_level = voice.has_level && level.id != 0;
  const rtp::Header header{.marker = numbers->marker || (source[1] & 0x80) != 0,
                           .payload_type = slot_.opus_payload_type,
                           .sequence = numbers->sequence,
                           .timestamp = numbers->timestamp,
                           .ssrc = slot_.ssrc,
                           .csrcs = {&voice.csrc, 1},
                           .extensions = {&level, with_level ? 1u : 0u}};
  // The payload keeps its RTP padding, so that padding-only packets keep their place in the sequence.
  const Bytes payload = in.data().subspan(voice.payload_at);
  const size_t header_size = header.size();
  if (header_size + payload.size() > net::Packet::kMaxPayload) return false;
  out.resize(header_size + payload.size());
  const MutableBytes data = out.mutableData();
  rtp::write(header, data.data());
  data[0] |= source[0] & kPaddingBit;
  std::copy(payload.begin(), payload.end(), data.begin() + static_cast<ptrdiff_t>(header_size));
  ++packets_;
  const size_t padding = (source[0] & kPaddingBit) != 0 ? payload.back() : 0;
  octets_ += static_cast<uint32_t>(payload.size() - padding);
  return true;
}

std::optional<rtcp::SenderInfo> SlotStream::report(rtcp::Ntp ntp, Instant now) {
  if (packets_ == packets_reported_) return std::nullopt;
  packets_reported_ = packets_;
  return rtcp::SenderInfo{slot_.ssrc, ntp, rewriter_.timestampAt(now), packets_, octets_};
}

}  // namespace sluice::rtp_router
