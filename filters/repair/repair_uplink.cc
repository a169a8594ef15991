#include "filters/repair/repair_uplink.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "source/codec/rtcp_feedback.h"
#include "source/media/payload.h"
#include "source/media/rtcp_session.h"

namespace sluice::repair {
namespace {

constexpr Duration kLongestRecovery = 10s;  // a timestamp may have any value
constexpr size_t kMaxRequestedAtOnce = 64;

}  // namespace

RepairUplink::RepairUplink(Context context, const rooms::Player& player, const Settings& settings)
    : context_(context),
      player_(player),
      settings_(&settings),
      stream_(*player.negotiated.sending),
      nack_timer_(context.timers(), [this] { sendNacks(); }) {}

void RepairUplink::onRtp(net::PacketPtr&& packet) {
  const rtp::Packet* rtp = packet->rtp();
  if (rtp == nullptr) return context_.drop(std::move(packet), Drop::kMalformed);
  const UplinkStream::Carrier carrier = stream_.carrier(*rtp, packet->received);
  if (carrier == UplinkStream::Carrier::kOther) return context_.ingress(std::move(packet));
  if (carrier == UplinkStream::Carrier::kRtx) return onRtx(std::move(packet));
  const uint64_t lost = stream_.scheduler().lost();
  const media::NackScheduler::Arrival arrival =
      stream_.onPacket(*rtp, carrier, packet->received, player_.line.roundTrip());
  const uint64_t lost_now = stream_.scheduler().lost();  // a new stream starts at zero
  context_.count(Count::kLost, lost_now < lost ? lost_now : lost_now - lost);
  if (arrival == media::NackScheduler::Arrival::kOld) return context_.drop(std::move(packet), Drop::kOld);
  if (arrival == media::NackScheduler::Arrival::kDuplicate) {
    return context_.drop(std::move(packet), Drop::kDuplicate);
  }
  if (!accept(arrival, rtp->sequence, Count::kRecoveredResent, packet->received)) {
    return context_.drop(std::move(packet), Drop::kLate);
  }
  if (carrier == UplinkStream::Carrier::kRed) return unwrapRed(std::move(packet));
  armNacks();
  context_.ingress(std::move(packet));
}

bool RepairUplink::accept(media::NackScheduler::Arrival arrival, uint16_t sequence, Count by, Instant now) {
  if (arrival != media::NackScheduler::Arrival::kRecovered) return true;
  const Duration late = now - stream_.scheduler().expected(sequence);
  context_.count(by);
  context_.record(Record::kRecovery, std::min(late, kLongestRecovery));
  if (late <= settings_->uplink.scheduler.budget) return true;
  context_.count(Count::kRecoveredLate);
  return false;
}

void RepairUplink::onRtx(net::PacketPtr&& packet) {
  if (!stream_.unwrapRtx(*packet, *packet->rtp())) return context_.drop(std::move(packet), Drop::kStray);
  const rtp::Packet* repeated = packet->rtp();
  if (repeated == nullptr) return context_.drop(std::move(packet), Drop::kMalformed);
  // Accepts only a missing packet, or any number in an RTX packet could be taken for the newest.
  if (!stream_.scheduler().isMissing(repeated->sequence)) {
    return context_.drop(std::move(packet), Drop::kDuplicate);
  }
  const uint64_t lost = stream_.scheduler().lost();
  const auto arrival = stream_.onRepeated(*repeated, packet->received);
  context_.count(Count::kLost, stream_.scheduler().lost() - lost);
  const bool in_time = accept(arrival, repeated->sequence, Count::kRecoveredRtx, packet->received);
  armNacks();
  if (!in_time) return context_.drop(std::move(packet), Drop::kLate);
  context_.ingress(std::move(packet));
}

void RepairUplink::unwrapRed(net::PacketPtr&& packet) {
  const rtp::Packet& rtp = *packet->rtp();
  if (rtp.payload.empty()) {  // padding only, a bandwidth probe
    media::cutPayload(*packet, rtp, 0, stream_.section().opus_payload_type);
    armNacks();
    return context_.ingress(std::move(packet));
  }
  const auto red = red::parse(rtp.payload);
  if (!red || red->primary().payload_type != stream_.section().opus_payload_type) {
    return context_.drop(std::move(packet), Drop::kMalformed);
  }
  const auto blocks = red->redundant();
  for (size_t i = 0; i < blocks.size(); ++i) {
    const size_t back = blocks.size() - i;
    if (!stream_.canRebuild(rtp, blocks[i], back)) continue;
    net::PacketPtr rebuilt = context_.packet();
    if (rebuilt == nullptr) {
      context_.countDrop(Drop::kNoPacket);
      continue;
    }
    const uint16_t sequence = stream_.rebuild(rtp, blocks[i], back, *rebuilt);
    rebuilt->received = packet->received;
    const Instant expected = stream_.scheduler().expected(sequence);
    stream_.scheduler().fill(sequence);
    context_.count(Count::kRecoveredRed);
    context_.record(Record::kRecovery, std::min(packet->received - expected, kLongestRecovery));
    context_.ingress(std::move(rebuilt));
  }
  const auto primary_at = static_cast<size_t>(red->primary().data.data() - rtp.payload.data());
  media::cutPayload(*packet, rtp, primary_at, stream_.section().opus_payload_type);
  armNacks();
  context_.ingress(std::move(packet));
}

void RepairUplink::armNacks() {
  if (!stream_.section().feedback.nack || !settings_->uplink.nack) return;
  const Instant next =
      stream_.scheduler().nextNack(settings_->uplink.scheduler, context_.now(), player_.line.roundTrip());
  if (next == Instant::max()) return nack_timer_.cancel();
  // During speech `next` moves later with each packet; the armed timer then checks again.
  if (!nack_timer_.armed() || next < nack_timer_.due()) nack_timer_.armAt(next);
}

void RepairUplink::sendNacks() {
  std::array<uint16_t, kMaxRequestedAtOnce> wanted;
  const size_t count = stream_.scheduler().takeRequests(settings_->uplink.scheduler, context_.now(),
                                                        player_.line.roundTrip(), wanted);
  if (count > 0) sendNack({wanted.data(), count});
  armNacks();
}

void RepairUplink::sendNack(std::span<const uint16_t> sequences) {
  net::PacketPtr packet = context_.packet();
  if (packet == nullptr) return context_.countDrop(Drop::kNoPacket);
  const media::RtcpSession rtcp(player_);
  rtcp.writeFeedback(
      *packet, [&](rtcp::Writer& writer) { rtcp::addNack(writer, rtcp.ssrc(), stream_.ssrc(), sequences); });
  context_.count(Count::kRequested, sequences.size());
  context_.egress(std::move(packet));
}

void RepairUplink::onRtcp(Bytes compound, Instant now) {
  rtcp::Reader reader(compound);
  while (const auto part = reader.next()) {
    if (const auto info = rtcp::readSenderInfo(*part)) stream_.onSenderReport(*info, now);
    rtcp::forEachBye(*part, [&](uint32_t ssrc) { stream_.onBye(ssrc); });
  }
}

// RFC 3550 section 7.2: inward of this filter, the stream is better than the line. The report combines the
// loss of the speaker's line with that of most receivers, since in-band FEC helps them too.
void RepairUplink::rewriteReports(net::Packet& rtcp) {
  if (stream_.ssrc() == 0) return;
  const unsigned percentile = settings_->uplink.listener_loss_percentile;
  rtcp::rewriteReportBlocks(rtcp.mutableData(), [&](rtcp::ReportBlock& block) {
    if (block.ssrc != stream_.ssrc()) return false;
    block = stream_.report(context_.now());
    const double receivers = percentile == 0 ? 0 : player_.receiver_loss.ofOthers(percentile);
    const double uplink = block.fraction_lost / 256.0;
    const double both = 1 - (1 - uplink) * (1 - receivers);
    block.fraction_lost = static_cast<uint8_t>(std::min(255.0, both * 256 + 0.5));
    return true;
  });
}

void RepairUplink::onSettings(const Settings& settings) {
  settings_ = &settings;
  nack_timer_.cancel();
  armNacks();
}

void RepairUplink::archive(Archive& a) {
  a(stream_);
  if (a.isReading()) armNacks();
}

void RepairUplink::describe(chain::Description& out) const {
  const media::NackScheduler& scheduler = stream_.scheduler();
  const bool nack = stream_.section().feedback.nack && settings_->uplink.nack;
  const Duration retransmission = scheduler.retransmissionTime(context_.now(), player_.line.roundTrip());
  out.emplace_back("uplink.nack", nack ? "yes" : "no");
  out.emplace_back("uplink.lost", std::to_string(scheduler.lost()));
  out.emplace_back("uplink.recovered", std::to_string(scheduler.returned()));
  out.emplace_back("uplink.overtaken_ms", std::to_string(scheduler.reordering() / 1ms));
  out.emplace_back("uplink.answer_ms", std::to_string(retransmission / 1ms));
}

}  // namespace sluice::repair
