#include "filters/repair/repair.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "source/codec/rtcp_feedback.h"
#include "source/media/payload.h"

namespace sluice::repair {
namespace {

constexpr Duration kUnknownRoundTrip = 100ms;  // of a receiver, until RTCP has measured it
constexpr Duration kLongestRecovery = 10s;     // a timestamp may have any value
constexpr size_t kMostAskedAtOnce = 64;
constexpr Duration kLeastMemory = 200ms;

}  // namespace

Result<chain::FilterFactoryPtr> RepairFactory::make(const filters::Repair& config, chain::FactoryContext&) {
  auto settings = Settings::make(config);
  if (!settings.ok()) return settings.errors();
  auto factory = std::make_shared<RepairFactory>();
  factory->settings = *std::move(settings);
  return chain::FilterFactoryPtr(std::move(factory));
}

chain::FilterPtr RepairFactory::create(chain::FilterContext& context) const {
  return std::make_unique<Repair>(context, *this);
}

rooms::RepairFeatures RepairFactory::repairFeatures() const {
  const bool nack = settings.uplink.nack || settings.downlink.nack;
  const bool red = settings.downlink.redundancy != filters::Repair::Downlink::NONE;
  return {.feedback = {.nack = nack}, .rtx = nack, .red = red, .red_by_default = settings.uplink.red};
}

Repair::Repair(chain::FilterContext& context, const RepairFactory& factory)
    : Filter(context),
      factory_(&factory),
      player_(context.session().player()),
      nack_timer_(context.timers(), [this] { sendNacks(); }),
      budget_(factory.settings.downlink.max_overhead),
      redundancy_budget_(factory.settings.downlink.max_red_overhead),
      pauses_(context.timers(), [this] { repeatPauses(); }),
      forget_(context.timers(), [this] { forget(); }),
      idle_(context.timers(), [this] { onIdleTimer(); }) {
  if (player_ == nullptr) return;
  if (player_->negotiated.sending) uplink_.emplace(*player_->negotiated.sending);
  downlink_streams_.reserve(player_->negotiated.slots.size());
  for (size_t i = 0; i < player_->negotiated.slots.size(); ++i) {
    const rooms::Slot& slot = player_->negotiated.slots[i];
    if (!slot.feedback.nack && slot.red_payload_type == 0) continue;
    downlink_streams_.emplace_back(slot, player_->slot_states[i], factory.settings.history());
  }
}

Repair::~Repair() {
  if (player_ != nullptr) leaveHistogram();
}

Duration Repair::memory() const {
  return std::max(kLeastMemory, 2 * factory_->settings.downlink.budget);
}

void Repair::forget() {
  bool empty = true;
  for (DownlinkStream& stream : downlink_streams_) {
    stream.forget(context_.now() - memory());
    empty = empty && stream.empty();
  }
  if (!empty) forget_.arm(memory());
}

void Repair::onIdleTimer() {
  const Instant due = sent_ + kIdle;
  if (context_.now() < due) return idle_.armAt(due);
  leaveHistogram();
}

void Repair::leaveHistogram() {
  player_->room->receiverLoss().leave(std::exchange(player_->loss_class, rooms::LossHistogram::kNone));
}

Duration Repair::measuredRoundTrip() const {
  return std::chrono::microseconds{player_->observed.rtt_us.load(std::memory_order_relaxed)};
}

Duration Repair::roundTrip() const {
  const Duration measured = measuredRoundTrip();
  return measured == Duration{} ? kUnknownRoundTrip : measured;
}

// Without a slot to send on, reports use the player's number as SSRC, as in the router.
uint32_t Repair::reportingSsrc() const {
  const auto& slots = player_->negotiated.slots;
  return slots.empty() ? player_->number : slots.front().ssrc;
}

void Repair::onIngress(net::PacketPtr&& packet) {
  if (player_ == nullptr) return context_.ingress(std::move(packet));
  if (packet->kind == PacketKind::kRtcp) {
    onFeedback(packet->data(), packet->received);
    return context_.ingress(std::move(packet));
  }
  if (packet->kind == PacketKind::kRtp && uplink_) return onSpeech(std::move(packet));
  context_.ingress(std::move(packet));
}

void Repair::onSpeech(net::PacketPtr&& packet) {
  const auto rtp = rtp::parse(packet->data());
  if (!rtp) return context_.drop(std::move(packet), Drop::kMalformed);
  const UplinkStream::Carrier carrier = uplink_->carrier(*rtp, packet->received);
  if (carrier == UplinkStream::Carrier::kOther) return context_.ingress(std::move(packet));
  if (carrier == UplinkStream::Carrier::kRtx) return onRtx(std::move(packet), *rtp);
  const uint64_t lost = uplink_->scheduler().lost();
  const media::NackScheduler::Arrival arrival =
      uplink_->onPacket(*rtp, carrier, packet->received, measuredRoundTrip());
  const uint64_t lost_now = uplink_->scheduler().lost();  // another stream starts at zero
  context_.count(Count::kLost, lost_now < lost ? lost_now : lost_now - lost);
  if (arrival == media::NackScheduler::Arrival::kOld) return context_.drop(std::move(packet), Drop::kOld);
  if (arrival == media::NackScheduler::Arrival::kDuplicate) {
    return context_.drop(std::move(packet), Drop::kDuplicate);
  }
  if (!accept(arrival, rtp->sequence, Count::kRecoveredResent, packet->received)) {
    return context_.drop(std::move(packet), Drop::kLate);
  }
  if (carrier == UplinkStream::Carrier::kRed) return unwrapRed(std::move(packet), *rtp);
  armNacks();
  context_.ingress(std::move(packet));
}

bool Repair::accept(media::NackScheduler::Arrival arrival, uint16_t sequence, Count by, Instant now) {
  if (arrival != media::NackScheduler::Arrival::kRecovered) return true;
  const Duration late = now - uplink_->scheduler().expected(sequence);
  context_.count(by);
  context_.record(Record::kRecovery, std::min(late, kLongestRecovery));
  if (late <= factory_->settings.uplink.scheduler.budget) return true;
  context_.count(Count::kRecoveredLate);
  return false;
}

void Repair::onRtx(net::PacketPtr&& packet, const rtp::Packet& rtp) {
  if (!uplink_->unwrapRtx(*packet, rtp)) return context_.drop(std::move(packet), Drop::kStray);
  const auto repeated = rtp::parse(packet->data());
  if (!repeated) return context_.drop(std::move(packet), Drop::kMalformed);
  // Only a missing packet: otherwise any number in an RTX packet could pass for the stream's newest.
  if (!uplink_->scheduler().isMissing(repeated->sequence)) {
    return context_.drop(std::move(packet), Drop::kDuplicate);
  }
  const uint64_t lost = uplink_->scheduler().lost();
  const auto arrival = uplink_->onRepeated(*repeated, packet->received);
  context_.count(Count::kLost, uplink_->scheduler().lost() - lost);
  const bool in_time = accept(arrival, repeated->sequence, Count::kRecoveredRtx, packet->received);
  armNacks();
  if (!in_time) return context_.drop(std::move(packet), Drop::kLate);
  context_.ingress(std::move(packet));
}

void Repair::unwrapRed(net::PacketPtr&& packet, const rtp::Packet& rtp) {
  if (rtp.payload.empty()) {  // padding only, a bandwidth probe
    media::cutPayload(*packet, rtp, 0, uplink_->line().opus_payload_type);
    armNacks();
    return context_.ingress(std::move(packet));
  }
  const auto red = red::parse(rtp.payload);
  if (!red || red->primary().payload_type != uplink_->line().opus_payload_type) {
    return context_.drop(std::move(packet), Drop::kMalformed);
  }
  const auto blocks = red->redundant();
  for (size_t i = 0; i < blocks.size(); ++i) {
    const size_t back = blocks.size() - i;
    if (!uplink_->canRebuild(rtp, blocks[i], back)) continue;
    net::PacketPtr rebuilt = context_.packet();
    if (rebuilt == nullptr) {
      context_.countDrop(Drop::kNoPacket);
      continue;
    }
    const uint16_t sequence = uplink_->rebuild(rtp, blocks[i], back, *rebuilt);
    rebuilt->received = packet->received;
    const Instant expected = uplink_->scheduler().expected(sequence);
    uplink_->scheduler().fill(sequence);
    context_.count(Count::kRecoveredRed);
    context_.record(Record::kRecovery, std::min(packet->received - expected, kLongestRecovery));
    context_.ingress(std::move(rebuilt));
  }
  const auto primary_at = static_cast<size_t>(red->primary().data.data() - rtp.payload.data());
  media::cutPayload(*packet, rtp, primary_at, uplink_->line().opus_payload_type);
  armNacks();
  context_.ingress(std::move(packet));
}

void Repair::armNacks() {
  if (!uplink_->line().feedback.nack || !factory_->settings.uplink.nack) return;
  const Instant next =
      uplink_->scheduler().nextNack(factory_->settings.uplink.scheduler, context_.now(), measuredRoundTrip());
  if (next == Instant::max()) return nack_timer_.cancel();
  // During speech `next` moves later with each packet; the armed timer then checks again.
  if (!nack_timer_.armed() || next < nack_timer_.due()) nack_timer_.armAt(next);
}

void Repair::sendNacks() {
  std::array<uint16_t, kMostAskedAtOnce> wanted;
  const size_t count = uplink_->scheduler().ask(factory_->settings.uplink.scheduler, context_.now(),
                                                measuredRoundTrip(), wanted);
  if (count > 0) sendNack({wanted.data(), count});
  armNacks();
}

void Repair::sendNack(std::span<const uint16_t> sequences) {
  net::PacketPtr packet = context_.packet();
  if (packet == nullptr) return context_.countDrop(Drop::kNoPacket);
  packet->resize(net::Packet::kMaxPayload);
  rtcp::Writer writer(packet->data());
  // RFC 4585 section 3.1: feedback travels in a compound with a report and a CNAME.
  writer.addReceiverReport(reportingSsrc(), {});
  writer.addCname(reportingSsrc(), player_->negotiated.cname);
  rtcp::addNack(writer, reportingSsrc(), uplink_->ssrc(), sequences);
  packet->resize(*writer.finish());
  packet->kind = PacketKind::kRtcp;
  context_.count(Count::kRequested, sequences.size());
  context_.egress(std::move(packet));
}

bool Repair::onReload(const chain::FilterFactory& factory) {
  const auto& fresh = static_cast<const RepairFactory&>(factory);
  factory_ = &fresh;
  for (DownlinkStream& stream : downlink_streams_) stream.resize(fresh.settings.history());
  budget_.setShare(fresh.settings.downlink.max_overhead);
  redundancy_budget_.setShare(fresh.settings.downlink.max_red_overhead);
  nack_timer_.cancel();
  if (uplink_) armNacks();
  return true;
}

bool Repair::archive(Archive& a) {
  if (uplink_) a(*uplink_);
  if (a.isReading() && uplink_) armNacks();
  return true;
}

void Repair::describe(chain::Description& out) const {
  if (player_ == nullptr) return;
  const auto percent = [](double share) {
    return std::to_string(std::lround(share * 1000) / 10.0).substr(0, 4);
  };
  if (uplink_) {
    const media::NackScheduler& scheduler = uplink_->scheduler();
    out.emplace_back("uplink.nack",
                     uplink_->line().feedback.nack && factory_->settings.uplink.nack ? "yes" : "no");
    out.emplace_back("uplink.lost", std::to_string(scheduler.lost()));
    out.emplace_back("uplink.recovered", std::to_string(scheduler.returned()));
    out.emplace_back("uplink.overtaken_ms", std::to_string(scheduler.reordering() / 1ms));
    out.emplace_back("uplink.answer_ms",
                     std::to_string(scheduler.retransmissionTime(context_.now(), measuredRoundTrip()) / 1ms));
  }
  out.emplace_back("downlink.means", std::string(name(policy_.current())));
  out.emplace_back("downlink.loss_percent", percent(loss_.loss()));
  out.emplace_back("room.loss_percent",
                   percent(player_->room->receiverLoss().percentile(
                       factory_->settings.uplink.listener_loss_percentile, player_->loss_class)));
}

chain::FilterType filterType() {
  return {.name = "repair",
          .config_type = "sluice.filters.Repair",
          .needs = chain::kPlainRtp,
          .schema = kSchema,
          .parse = chain::parseAs<filters::Repair, RepairFactory>};
}

}  // namespace sluice::repair
