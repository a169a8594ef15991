// The receiver's half: retransmissions, redundancy and reports.
#include <algorithm>
#include <utility>

#include "filters/repair/repair.h"
#include "source/codec/rtcp_feedback.h"

namespace sluice::repair {
namespace {

constexpr Duration kAdaptEvery = 500ms;
constexpr size_t kMostAnsweredAtOnce = 128;  // packets, in one RTCP datagram
constexpr Duration kPauseRepeatAfter = 20ms;

}  // namespace

DownlinkStream* Repair::find(uint32_t ssrc) {
  const auto found = std::ranges::find(downlink_streams_, ssrc,
                                       [](const DownlinkStream& stream) { return stream.slot().ssrc; });
  return found == downlink_streams_.end() ? nullptr : &*found;
}

void Repair::onFeedback(Bytes compound, Instant now) {
  size_t asked = 0;
  std::optional<double> reported;  // the worst of the streams: the others may be silent
  rtcp::Reader reader(compound);
  while (const auto part = reader.next()) {
    if (uplink_) {
      if (const auto info = rtcp::readSenderInfo(*part)) uplink_->onSenderReport(*info, now);
      rtcp::forEachBye(*part, [&](uint32_t ssrc) { uplink_->onBye(ssrc); });
    }
    const auto& slots = player_->negotiated.slots;
    for (size_t i = 0; const auto block = rtcp::readReportBlock(*part, i); ++i) {
      const bool ours = std::ranges::find(slots, block->ssrc, &rooms::Slot::ssrc) != slots.end();
      if (ours) reported = std::max(reported.value_or(0), block->fraction_lost / 256.0);
    }
    unsigned run = 0;
    uint16_t last = 0;
    rtcp::forEachLost(*part, [&](uint32_t ssrc, uint16_t sequence) {
      if (++asked > kMostAnsweredAtOnce) return;  // more than a receiver can lose at once
      const bool fresh = answer(ssrc, sequence, now);
      if (run > 0 && (!fresh || sequence != static_cast<uint16_t>(last + 1))) {
        loss_.onLost(run, now);
        run = 0;
      }
      run += fresh;
      last = sequence;
    });
    if (run > 0) loss_.onLost(run, now);
  }
  if (reported) loss_.onReport(*reported, now);
  adapt(now);
}

bool Repair::answer(uint32_t ssrc, uint16_t sequence, Instant now) {
  context_.count(Count::kAsked);
  const auto refuse = [&](Count reason) {
    context_.count(reason);
    return false;
  };
  const Settings::Downlink& settings = factory_->settings.downlink;
  DownlinkStream* stream = settings.nack ? find(ssrc) : nullptr;
  SentPacket* sent = stream == nullptr ? nullptr : stream->find(sequence);
  if (sent == nullptr) return refuse(Count::kRefusedUnknown);
  // It is not lost if it cannot have arrived yet. It may also have arrived here late: then the receiver
  // requested it before it was sent. The round trip is a single sample and may be too high.
  const Duration way = sent->resends > 0 ? roundTrip() : measuredRoundTrip();
  if (now - sent->last < std::min(way * 3 / 4, settings.budget / 2)) return refuse(Count::kRefusedRepeated);
  const bool first = !std::exchange(sent->missed, true);
  // Its delay is the time since it was first sent.
  if (now - sent->at > settings.budget) return refuse(Count::kRefusedLate), first;
  if (sent->resends >= settings.max_resends) return refuse(Count::kRefusedRepeated);
  // RED has repeated it: a retransmission would only make the receiver's jitter buffer grow.
  const SentPacket* next = stream->find(static_cast<uint16_t>(sequence + 1));
  const bool repeated_by_red = next != nullptr && next->red_blocks > 0;
  if (settings.prefer == filters::Repair::Downlink::DELAY && repeated_by_red)
    return refuse(Count::kRefusedRedundant), first;
  resend(*stream, *sent, now);
  return first;
}

void Repair::resend(DownlinkStream& stream, SentPacket& sent, Instant now) {
  const size_t size = stream.resendSize(sent);
  if (!budget_.take(size)) return context_.count(Count::kRefusedBudget);
  net::PacketPtr out = context_.packet();
  if (out == nullptr) return context_.countDrop(Drop::kNoPacket);
  if (!stream.resend(sent, *out)) {
    budget_.giveBack(size);
    context_.consume(std::move(out));
    return context_.count(Count::kRefusedUnknown);
  }
  context_.count(Count::kBytesResent, out->size());
  out->received = now;
  out->deadline = sent.at + factory_->settings.downlink.budget;  // a pacer may hold it
  ++sent.resends;
  sent.last = now;
  context_.count(stream.slot().rtx_payload_type != 0 ? Count::kResentRtx : Count::kResent);
  context_.egress(std::move(out));
}

// A receiver that loses the packet that begins a pause notices only when the pause ends.
void Repair::repeatPauses() {
  const Instant now = context_.now();
  Instant next = Instant::max();
  for (DownlinkStream& stream : downlink_streams_) {
    SentPacket* pause = stream.pause();
    if (pause == nullptr || pause->resends >= pauseRepeats(policy_.line())) continue;
    const Instant due = pause->last + kPauseRepeatAfter;
    if (due <= now) {
      resend(stream, *pause, now);
      if (pause->last != now) continue;
    }
    next = std::min(next, pause->last + kPauseRepeatAfter);
  }
  if (next != Instant::max()) pauses_.armAt(next);
}

void Repair::onEgress(net::PacketPtr&& packet) {
  if (player_ == nullptr) return context_.egress(std::move(packet));
  if (packet->kind == PacketKind::kRtcp) rewriteReports(*packet);
  if (packet->kind == PacketKind::kRtp) sent_ = context_.now();
  if (packet->kind != PacketKind::kRtp || downlink_streams_.empty())
    return context_.egress(std::move(packet));
  onVoice(std::move(packet));
}

void Repair::onVoice(net::PacketPtr&& packet) {
  const auto rtp = rtp::parse(packet->data());
  DownlinkStream* stream = rtp ? find(rtp->ssrc) : nullptr;
  if (stream == nullptr) return context_.egress(std::move(packet));
  const Instant now = context_.now();
  if (!forget_.armed()) forget_.arm(memory());
  stream->forget(now - memory());
  budget_.onVoice(packet->size());
  redundancy_budget_.onVoice(packet->size());
  context_.count(Count::kBytesVoice, packet->size());
  loss_.onSent(stream->numbersBefore(rtp->sequence), now);
  adapt(now);
  net::SharedPacket block = packet->origin ? packet->origin : copy(*packet);
  SentPacket* sent = block ? stream->remember(packet->data(), *rtp, std::move(block), now) : nullptr;
  const bool repeats = factory_->settings.downlink.nack && pauseRepeats(policy_.line()) > 0;
  if (repeats && stream->pause() != nullptr && !pauses_.armed()) {
    pauses_.arm(kPauseRepeatAfter);
  }
  const size_t wanted = rtp->padding == 0 ? redundancyFor(*stream) : 0;
  if (wanted > 0) {
    const auto redundancy = stream->redundancy(*rtp, wanted);
    if (redundancy.count > 0 && redundancy_budget_.take(redundancy.size)) {
      if (!stream->addRedundancy(*packet, *rtp, redundancy)) {
        redundancy_budget_.giveBack(redundancy.size);
      } else {
        context_.count(Count::kRedOut);
        context_.count(Count::kBytesRed, redundancy.size);
        if (sent != nullptr) sent->noteRed(redundancy.count, redundancy.size);
      }
    }
  }
  context_.egress(std::move(packet));
}

net::SharedPacket Repair::copy(const net::Packet& packet) {
  net::PacketPtr copy = context_.packet();
  if (copy == nullptr) {
    context_.countDrop(Drop::kNoPacket);
    return {};
  }
  copy->assign(packet.data());
  return net::SharedPacket(std::move(copy));
}

size_t Repair::redundancyFor(const DownlinkStream& stream) const {
  if (stream.slot().red_payload_type == 0) return 0;
  switch (factory_->settings.downlink.redundancy) {
    case filters::Repair::Downlink::ONE:
      return 1;
    case filters::Repair::Downlink::TWO:
      return 2;
    case filters::Repair::Downlink::ADAPTIVE:
      return frames(policy_.current());
    default:
      return 0;
  }
}

void Repair::adapt(Instant now) {
  if (now - adapted_ < kAdaptEvery) return;
  adapted_ = now;
  const auto has = [&](auto wanted) { return std::ranges::any_of(downlink_streams_, wanted); };
  const Settings::Downlink& settings = factory_->settings.downlink;
  policy_.update(
      {.nack = settings.nack && has([](const DownlinkStream& s) { return s.slot().feedback.nack; }),
       .red = settings.redundancy == filters::Repair::Downlink::ADAPTIVE &&
              has([](const DownlinkStream& s) { return s.slot().red_payload_type != 0; }),
       .prefer_delay = settings.prefer == filters::Repair::Downlink::DELAY,
       .loss = loss_.loss(),
       .mean_burst = loss_.meanBurst(),
       .round_trip = roundTrip(),
       .budget = settings.budget},
      now);
  if (now - sent_ > kIdle) return;  // it is sent no voice
  player_->loss_class = player_->room->receiverLoss().enter(loss_.loss(), player_->loss_class);
  if (!idle_.armed()) idle_.armAt(now + kIdle);
}

// RFC 3550 section 7.2: inward of this filter, the stream is better than the line. The speaker is told the
// loss of its line combined with that of most receivers, since in-band FEC helps them too.
void Repair::rewriteReports(net::Packet& packet) {
  if (!uplink_ || uplink_->ssrc() == 0) return;
  const unsigned percentile = factory_->settings.uplink.listener_loss_percentile;
  rtcp::rewriteReportBlocks(packet.data(), [&](rtcp::ReportBlock& block) {
    if (block.ssrc != uplink_->ssrc()) return false;
    block = uplink_->report(context_.now());
    const double receivers =
        percentile == 0 ? 0 : player_->room->receiverLoss().percentile(percentile, player_->loss_class);
    const double uplink = block.fraction_lost / 256.0;
    const double both = 1 - (1 - uplink) * (1 - receivers);
    block.fraction_lost = static_cast<uint8_t>(std::min(255.0, both * 256 + 0.5));
    return true;
  });
}

}  // namespace sluice::repair
