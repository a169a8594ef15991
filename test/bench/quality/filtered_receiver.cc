#include "test/bench/quality/filtered_receiver.h"

#include <algorithm>

#include "source/codec/rtp.h"
#include "source/media/concealer.h"

namespace sluice::quality {

FilteredReceiver::FilteredReceiver(std::vector<test::FilterConfig> filters, std::unique_ptr<Receiver> inner)
    : chain_(worker_, std::move(filters)), inner_(std::move(inner)) {}

void FilteredReceiver::advance(Instant now) {
  clock_.advance(std::max(Duration::zero(), now - clock_.now()));
}

void FilteredReceiver::onFrame(size_t frame, size_t sequence, Bytes payload, Instant now) {
  advance(now);
  arrived_.insert(frame);
  std::vector<uint8_t> packet(rtp::kHeaderSize + payload.size());
  rtp::write({.payload_type = 111,
              .sequence = static_cast<uint16_t>(sequence),
              .timestamp = static_cast<uint32_t>(frame * kFrameSamples),
              .ssrc = 1},
             packet.data());
  std::ranges::copy(payload, packet.begin() + rtp::kHeaderSize);
  chain_.ingress(packet);
  handOn();
}

Instant FilteredReceiver::due() const {
  return std::min(worker_.timers().next(), inner_->due());
}

std::optional<Played> FilteredReceiver::play(Instant now, media::MutablePcm out) {
  advance(now);
  worker_.timers().run();
  handOn();
  if (inner_->due() > now) return std::nullopt;
  auto played = inner_->play(now, out);
  if (played && played->kind == Played::kReceived) {
    const auto rebuilt = rebuilt_.find(played->frame);
    if (rebuilt != rebuilt_.end()) played->kind = rebuilt->second;
  }
  return played;
}

void FilteredReceiver::handOn() {
  for (const test::Captured& each : chain_.inner) {
    const auto packet = rtp::parse(each.data);
    if (!packet) continue;
    const size_t frame = packet->timestamp / kFrameSamples;
    if (!arrived_.contains(frame)) {
      const bool empty = packet->payload.size() == media::kEmptyPacketSize;
      rebuilt_[frame] = empty ? Played::kConcealed : Played::kRecovered;
    }
    inner_->onFrame(frame, packet->sequence, packet->payload, clock_.now());
  }
  chain_.inner.clear();
}

}  // namespace sluice::quality
