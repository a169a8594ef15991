#include "filters/repair/repair_downlink.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "source/codec/rtcp_feedback.h"

namespace sluice::repair {
namespace {

constexpr Duration kAssumedRoundTrip = 100ms;  // until RTCP has measured it
constexpr Duration kLeastMemory = 200ms;
constexpr Duration kAdaptEvery = 500ms;
constexpr size_t kMaxRequestsAtOnce = 128;  // packets, in one RTCP datagram
constexpr Duration kPauseRepeatAfter = 20ms;

}  // namespace

RepairDownlink::RepairDownlink(Context context, rooms::Player& player, const Settings& settings)
    : context_(context),
      player_(player),
      settings_(&settings),
      by_slot_(player.negotiated.slots.size()),
      budget_(settings.downlink.max_overhead),
      redundancy_budget_(settings.downlink.max_red_overhead),
      pauses_(context.timers(), [this] { repeatPauses(); }),
      forget_(context.timers(), [this] { forget(); }),
      idle_(context.timers(), [this] { onIdleTimer(); }) {
  streams_.reserve(by_slot_.size());
  for (size_t i = 0; i < by_slot_.size(); ++i) {
    const rooms::Slot& slot = player.negotiated.slots[i];
    if (!slot.feedback.nack && slot.red_payload_type == 0) continue;
    by_slot_[i] = &streams_.emplace_back(slot, player.slot_sequences[i], settings.history());
  }
}

DownlinkStream* RepairDownlink::streamOf(const net::Packet& packet) {
  if (packet.slot < by_slot_.size()) return by_slot_[packet.slot];
  return packet.rtp() == nullptr ? nullptr : find(packet.rtp()->ssrc);  // it is not from the router
}

DownlinkStream* RepairDownlink::find(uint32_t ssrc) {
  const auto found =
      std::ranges::find(streams_, ssrc, [](const DownlinkStream& stream) { return stream.slot().ssrc; });
  return found == streams_.end() ? nullptr : &*found;
}

Duration RepairDownlink::roundTrip() const {
  const Duration measured = player_.line.roundTrip();
  return measured == Duration{} ? kAssumedRoundTrip : measured;
}

Duration RepairDownlink::memory() const {
  return std::max(kLeastMemory, 2 * settings_->downlink.budget);
}

void RepairDownlink::forget() {
  bool empty = true;
  for (DownlinkStream& stream : streams_) {
    stream.forget(context_.now() - memory());
    empty = empty && stream.empty();
  }
  if (!empty) forget_.arm(memory());
}

void RepairDownlink::onIdleTimer() {
  const Instant due = sent_ + kIdle;
  if (context_.now() < due) return idle_.armAt(due);
  player_.receiver_loss.clear();
}

void RepairDownlink::onRtcp(Bytes compound, Instant now) {
  size_t requested = 0;
  std::optional<double> reported;
  rtcp::Reader reader(compound);
  while (const auto part = reader.next()) {
    onReport(*part, reported);
    onRequests(*part, requested, now);
  }
  if (reported) loss_.onReport(*reported, now);
  adapt(now);
}

// The worst stream counts, because the others may be silent.
void RepairDownlink::onReport(const rtcp::Packet& part, std::optional<double>& reported) const {
  const auto& slots = player_.negotiated.slots;
  for (size_t i = 0; const auto block = rtcp::readReportBlock(part, i); ++i) {
    const bool ours = std::ranges::find(slots, block->ssrc, &rooms::Slot::ssrc) != slots.end();
    if (ours) reported = std::max(reported.value_or(0), block->fraction_lost / 256.0);
  }
}

void RepairDownlink::onRequests(const rtcp::Packet& part, size_t& requested, Instant now) {
  unsigned run = 0;
  uint16_t last = 0;
  rtcp::forEachLost(part, [&](uint32_t ssrc, uint16_t sequence) {
    if (++requested > kMaxRequestsAtOnce) return;  // more than a receiver can lose at once
    const bool fresh = onRequest(ssrc, sequence, now);
    if (run > 0 && (!fresh || sequence != static_cast<uint16_t>(last + 1))) {
      loss_.onLost(run, now);
      run = 0;
    }
    run += fresh;
    last = sequence;
  });
  if (run > 0) loss_.onLost(run, now);
}

bool RepairDownlink::onRequest(uint32_t ssrc, uint16_t sequence, Instant now) {
  context_.count(Count::kAsked);
  const auto refuse = [&](Count reason) {
    context_.count(reason);
    return false;
  };
  const Settings::Downlink& settings = settings_->downlink;
  DownlinkStream* stream = settings.nack ? find(ssrc) : nullptr;
  SentPacket* sent = stream == nullptr ? nullptr : stream->find(sequence);
  if (sent == nullptr) return refuse(Count::kRefusedUnknown);
  // A packet that cannot have arrived yet is not lost. If it was sent late, the receiver may have requested
  // it before that. The round trip is a single sample and may be too high.
  const Duration round_trip = sent->resends > 0 ? roundTrip() : player_.line.roundTrip();
  if (now - sent->last < std::min(round_trip * 3 / 4, settings.budget / 2))
    return refuse(Count::kRefusedRepeated);
  const bool first = !std::exchange(sent->missed, true);
  // The packet's delay is the time since it was first sent.
  if (now - sent->at > settings.budget) return refuse(Count::kRefusedLate), first;
  if (sent->resends >= settings.max_resends) return refuse(Count::kRefusedRepeated);
  // RED has repeated the packet: a retransmission would only make the receiver's jitter buffer grow.
  const SentPacket* next = stream->find(static_cast<uint16_t>(sequence + 1));
  const bool repeated_by_red = next != nullptr && next->red_blocks > 0;
  if (settings.prefer == filters::Repair::Downlink::DELAY && repeated_by_red)
    return refuse(Count::kRefusedRedundant), first;
  resend(*stream, *sent, now);
  return first;
}

void RepairDownlink::resend(DownlinkStream& stream, SentPacket& sent, Instant now) {
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
  out->deadline = sent.at + settings_->downlink.budget;  // a pacer may hold it
  ++sent.resends;
  sent.last = now;
  context_.count(stream.slot().rtx_payload_type != 0 ? Count::kResentRtx : Count::kResent);
  context_.egress(std::move(out));
}

// A receiver that loses the packet that begins a pause notices only when the pause ends.
void RepairDownlink::repeatPauses() {
  const Instant now = context_.now();
  Instant next = Instant::max();
  for (DownlinkStream& stream : streams_) {
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

void RepairDownlink::onRtp(net::PacketPtr&& packet) {
  const Instant now = context_.now();
  sent_ = now;
  DownlinkStream* stream = streamOf(*packet);
  if (stream == nullptr || packet->rtp() == nullptr) return context_.egress(std::move(packet));
  if (!forget_.armed()) forget_.arm(memory());
  stream->forget(now - memory());
  budget_.onVoice(packet->size());
  redundancy_budget_.onVoice(packet->size());
  context_.count(Count::kBytesVoice, packet->size());
  const rtp::Packet& rtp = *packet->rtp();
  loss_.onSent(stream->numbersBefore(rtp.sequence), now);
  adapt(now);
  net::SharedPacket block = packet->origin ? packet->origin : copy(*packet);
  SentPacket* sent = block ? stream->remember(packet->data(), rtp, std::move(block), now) : nullptr;
  const bool repeats = settings_->downlink.nack && pauseRepeats(policy_.line()) > 0;
  if (repeats && stream->pause() != nullptr && !pauses_.armed()) pauses_.arm(kPauseRepeatAfter);
  addRedundancy(*stream, *packet, sent);
  context_.egress(std::move(packet));
}

void RepairDownlink::addRedundancy(DownlinkStream& stream, net::Packet& packet, SentPacket* sent) {
  const rtp::Packet& rtp = *packet.rtp();
  const size_t wanted = rtp.padding == 0 ? redundancyFor(stream) : 0;
  if (wanted == 0) return;
  const auto redundancy = stream.redundancy(rtp, wanted);
  if (redundancy.count == 0 || !redundancy_budget_.take(redundancy.size)) return;
  if (!stream.addRedundancy(packet, rtp, redundancy)) return redundancy_budget_.giveBack(redundancy.size);
  context_.count(Count::kRedOut);
  context_.count(Count::kBytesRed, redundancy.size);
  if (sent != nullptr) sent->noteRed(redundancy.count, redundancy.size);
}

net::SharedPacket RepairDownlink::copy(const net::Packet& packet) {
  net::PacketPtr copy = context_.packet();
  if (copy == nullptr) {
    context_.countDrop(Drop::kNoPacket);
    return {};
  }
  copy->assign(packet.data());
  return net::SharedPacket(std::move(copy));
}

size_t RepairDownlink::redundancyFor(const DownlinkStream& stream) const {
  if (stream.slot().red_payload_type == 0) return 0;
  switch (settings_->downlink.redundancy) {
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

void RepairDownlink::adapt(Instant now) {
  if (now - adapted_ < kAdaptEvery) return;
  adapted_ = now;
  const auto has = [&](auto wanted) { return std::ranges::any_of(streams_, wanted); };
  const Settings::Downlink& settings = settings_->downlink;
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
  if (now - sent_ > kIdle) return;  // the receiver is sent no voice
  player_.receiver_loss.set(loss_.loss());
  if (!idle_.armed()) idle_.armAt(now + kIdle);
}

void RepairDownlink::onSettings(const Settings& settings) {
  settings_ = &settings;
  for (DownlinkStream& stream : streams_) stream.resize(settings.history());
  budget_.setShare(settings.downlink.max_overhead);
  redundancy_budget_.setShare(settings.downlink.max_red_overhead);
}

void RepairDownlink::describe(chain::Description& out) const {
  const auto percent = [](double share) {
    return std::to_string(std::lround(share * 1000) / 10.0).substr(0, 4);
  };
  const double others = player_.receiver_loss.ofOthers(settings_->uplink.listener_loss_percentile);
  out.emplace_back("downlink.means", std::string(name(policy_.current())));
  out.emplace_back("downlink.loss_percent", percent(loss_.loss()));
  out.emplace_back("room.loss_percent", percent(others));
}

}  // namespace sluice::repair
