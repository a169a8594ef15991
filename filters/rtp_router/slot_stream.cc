#include "filters/rtp_router/slot_stream.h"

#include <algorithm>
#include <array>
#include <utility>

#include "source/base/random.h"
#include "source/codec/rendering_extension.h"
#include "source/codec/sequence.h"

namespace sluice::rtp_router {
namespace {

constexpr uint8_t kPaddingBit = 0x20;

}  // namespace

SlotStream::SlotStream(const rooms::Slot& slot, rooms::SlotSequence& sequence)
    : slot_(slot), sequence_(sequence), rewriter_(rtp::firstSequence(randomU32()), randomU32()) {}

bool SlotStream::write(const net::Packet& in, const Voice& voice, const audibility::Hearer* hearer,
                       Instant now, net::Packet& out) {
  const bool audible_again = hearer != nullptr && index_ != 0 && voice.index != index_ + 1;
  const bool fresh = voice.speaker != speaker_ || voice.stream != speaker_stream_ || audible_again;
  speaker_ = voice.speaker;
  speaker_stream_ = voice.stream;
  index_ = voice.index;
  if (const uint16_t reserved = sequence_.takeReserved()) rewriter_.skip(reserved);
  const uint8_t* source = in.data().data();
  const auto numbers = rewriter_.rewrite(readU16(source + 2), readU32(source + 4), fresh, now);
  if (!numbers) return false;
  std::array<rtp::ExtensionElement, 2> elements;
  size_t count = 0;
  if (voice.has_level && slot_.extensions.audio_level != 0) {
    elements[count++] = {slot_.extensions.audio_level, Bytes(&voice.level, 1)};
  }
  std::array<uint8_t, rtp::kRenderingSize> rendering;
  if (isRenderingDue(hearer, fresh, now)) {
    rendering = rtp::writeRendering(hearer->rendering);
    rendered_ = now;
    elements[count++] = {slot_.extensions.rendering, rendering};
  }
  const rtp::Header header{.marker = numbers->marker || (source[1] & 0x80) != 0,
                           .payload_type = slot_.opus_payload_type,
                           .sequence = numbers->sequence,
                           .timestamp = numbers->timestamp,
                           .ssrc = slot_.ssrc,
                           .csrcs = {&voice.csrc, 1},
                           .extensions = {elements.data(), count}};
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

bool SlotStream::isRenderingDue(const audibility::Hearer* hearer, bool fresh, Instant now) const {
  if (hearer == nullptr || slot_.extensions.rendering == 0) return false;
  return fresh || now - rendered_ >= kRenderingInterval;
}

std::optional<rtcp::SenderInfo> SlotStream::report(rtcp::Ntp ntp, Instant now) {
  if (packets_ == packets_reported_) return std::nullopt;
  packets_reported_ = packets_;
  return rtcp::SenderInfo{slot_.ssrc, ntp, rewriter_.timestampAt(now), packets_, octets_};
}

}  // namespace sluice::rtp_router
