#include "filters/rtp_router/rtp_router.h"

#include <algorithm>
#include <utility>

#include "source/base/random.h"
#include "source/codec/red.h"
#include "source/codec/rtcp_extended.h"
#include "source/media/payload.h"

namespace sluice::rtp_router {
namespace {

constexpr size_t kSendersPerReport = 16;  // keeps a compound within one packet

enum class Drop {
  kNoPlayer,
  kMalformed,
  kNotSending,
  kUnknownPayloadType,
  kUnknownSsrc,
  kStray,
  kUplinkLimit,
  kUnexpected,
  kNoSlot,
  kSilence,
  kLate,
  kNoPacket,
  kCrossing,
};
constexpr std::string_view kDrops[] = {"no_player",    "malformed", "not_sending",  "unknown_payload_type",
                                       "unknown_ssrc", "stray",     "uplink_limit", "unexpected",
                                       "no_slot",      "silence",   "late",         "no_packet",
                                       "crossing"};

enum class Count { kVoiceIn, kVoiceOut, kRtcpIn, kRtcpOut, kSlotChanges, kNotConnected };
constexpr stats::CounterSpec kCounters[] = {
    {"voice_in", "RTP packets accepted from speakers."},
    {"voice_out", "RTP packets produced for receivers."},
    {"rtcp_in", "Compound RTCP packets read."},
    {"rtcp_out", "Compound RTCP packets produced."},
    {"slot_changes", "How often a slot went to another speaker."},
    {"not_connected", "RTP packets not produced for receivers whose DTLS handshake is not complete."}};

template <typename T>
void increment(std::atomic<T>& value) {
  value.store(value.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);  // one writer
}

}  // namespace

Result<chain::FilterFactoryPtr> RtpRouterFactory::make(const filters::RtpRouter& config,
                                                       chain::FactoryContext& context) {
  auto factory = std::make_shared<RtpRouterFactory>();
  factory->directory = &context.directory;
  factory->slot_hold = std::chrono::milliseconds{config.slot_hold_ms()};
  factory->rtcp_interval = std::chrono::milliseconds{config.rtcp_interval_ms()};
  factory->uplink.packets_per_second = config.uplink().packets_per_second();
  factory->uplink.burst_packets = config.uplink().burst_packets();
  factory->uplink.bytes_per_second = config.uplink().bytes_per_second();
  factory->uplink.burst_bytes = config.uplink().burst_bytes();
  return chain::FilterFactoryPtr(std::move(factory));
}

chain::FilterPtr RtpRouterFactory::create(chain::FilterContext& context) const {
  return std::make_unique<RtpRouter>(context, *this);
}

RtpRouter::RtpRouter(chain::FilterContext& context, const RtpRouterFactory& factory)
    : Filter(context),
      factory_(&factory),
      player_(context.session().player()),
      shared_(context.worker().local<RouterWorker>()),
      uplink_(factory.uplink, context.now()),
      slots_(player_ == nullptr ? 0 : player_->negotiated.slots.size()),
      reports_(context.timers(), [this] { sendReports(); }) {
  if (player_ == nullptr) return;
  if (player_->negotiated.sending) speaker_.emplace(*player_->negotiated.sending);
  streams_.reserve(slots_.size());
  for (size_t i = 0; i < slots_.size(); ++i) {
    streams_.emplace_back(player_->negotiated.slots[i], player_->slot_states[i]);
  }
  shared_.add(*player_->room, *this);
  armReports();
}

RtpRouter::~RtpRouter() {
  if (player_ != nullptr) shared_.remove(*player_->room, *this);
}

void RtpRouter::onIngress(net::PacketPtr&& packet) {
  if (player_ == nullptr) return context_.drop(std::move(packet), Drop::kNoPlayer);
  switch (packet->kind) {
    case PacketKind::kRtp:
      return onRtp(std::move(packet));
    case PacketKind::kRtcp:
      return onRtcp(std::move(packet));
    default:
      return context_.drop(std::move(packet), Drop::kUnexpected);
  }
}

void RtpRouter::onRtp(net::PacketPtr&& packet) {
  auto rtp = rtp::parse(packet->data());
  if (!rtp) return context_.drop(std::move(packet), Drop::kMalformed);
  if (!speaker_) return context_.drop(std::move(packet), Drop::kNotSending);
  const rooms::SendingLine& line = speaker_->line();
  if (line.red_payload_type != 0 && rtp->payload_type == line.red_payload_type) {
    // A reload may have taken away the repair filter that RED was negotiated for.
    size_t primary_at = 0;  // padding only
    if (!rtp->payload.empty()) {
      const auto red = red::parse(rtp->payload);
      if (!red) return context_.drop(std::move(packet), Drop::kMalformed);
      primary_at = static_cast<size_t>(red->primary().data.data() - rtp->payload.data());
    }
    media::cutPayload(*packet, *rtp, primary_at, line.opus_payload_type);
    rtp = rtp::parse(packet->data());
  }
  switch (speaker_->examine(*rtp, packet->received)) {
    case Speaker::Verdict::kVoice:
      break;
    case Speaker::Verdict::kNewlyBound:
      newly_bound_ = true;
      break;
    case Speaker::Verdict::kUnknownPayloadType:
      return context_.drop(std::move(packet), Drop::kUnknownPayloadType);
    case Speaker::Verdict::kUnknownSsrc:
      return context_.drop(std::move(packet), Drop::kUnknownSsrc);
    case Speaker::Verdict::kStray:
      return context_.drop(std::move(packet), Drop::kStray);
  }
  if (!uplink_.take(rtp->payload.size(), packet->received)) {
    return context_.drop(std::move(packet), Drop::kUplinkLimit);
  }
  // Only within the limit, since binding costs work on the main thread.
  if (std::exchange(newly_bound_, false)) bind(rtp->ssrc);
  distribute(std::move(packet), *rtp);
}

void RtpRouter::bind(uint32_t ssrc) {
  rooms::Directory* directory = factory_->directory;
  context_.worker().postToMain([directory, player = player_, ssrc] { directory->bindSsrc(player, ssrc); });
}

void RtpRouter::distribute(net::PacketPtr&& packet, const rtp::Packet& rtp) {
  auto& observed = player_->observed;
  const uint32_t csrc = observed.csrc.load(std::memory_order_relaxed);
  std::optional<uint8_t> level;
  const auto extension = rtp.findExtension(speaker_->line().extensions.audio_level);
  if (extension && !extension->empty()) level = extension->front();  // the two-byte form has empty elements
  const auto speech = speaker_->judge(rtp.payload, level, packet->received);
  const Voice voice{.room = player_->room->number(),
                    .speaker = player_->number,
                    .csrc = csrc != 0 ? csrc : rtp.ssrc,
                    .stream = speaker_->stream(),
                    .payload_at = static_cast<uint16_t>(rtp.payload.data() - packet->data().data()),
                    .level = level.value_or(0),
                    .has_level = level.has_value(),
                    .speech = speech};
  if (speech.active) {
    observed.last_voice_ns.store(packet->received.time_since_epoch().count(), std::memory_order_relaxed);
  }
  increment(observed.packets_in);
  context_.count(Count::kVoiceIn);
  packet->note<Voice>() = voice;
  if (!shared_.distribute(*player_->room, std::move(packet))) context_.countDrop(Drop::kCrossing);
}

void RtpRouter::deliver(const net::SharedPacket& packet, const Voice& voice) {
  if (!player_->observed.connected.load(std::memory_order_relaxed))
    return context_.count(Count::kNotConnected);
  const Instant now = context_.now();
  const auto assignment = slots_.assign(voice.speaker, voice.speech, now, factory_->slot_hold);
  if (!assignment) return context_.countDrop(voice.speech.active ? Drop::kNoSlot : Drop::kSilence);
  if (assignment->fresh) context_.count(Count::kSlotChanges);
  net::PacketPtr out = context_.packet();
  if (out == nullptr) return context_.countDrop(Drop::kNoPacket);
  if (!streams_[assignment->slot].write(*packet, voice, now, *out)) {
    return context_.drop(std::move(out), Drop::kLate);
  }
  out->kind = PacketKind::kRtp;
  out->received = packet->received;
  out->origin = packet;
  increment(player_->observed.packets_out);
  context_.count(Count::kVoiceOut);
  context_.egress(std::move(out));
}

void RtpRouter::onRtcp(net::PacketPtr&& packet) {
  context_.count(Count::kRtcpIn);
  const uint32_t now_middle = rtcp::middle(rtcp::toNtp(context_.worker().clock().wall()));
  std::optional<uint8_t> loss;  // of the worst of the streams: the others may be silent
  rtcp::Reader reader(packet->data());
  while (const auto part = reader.next()) {
    if (speaker_) {
      if (const auto info = rtcp::readSenderInfo(*part)) speaker_->onSenderReport(*info, packet->received);
      rtcp::forEachBye(*part, [&](uint32_t ssrc) { speaker_->onBye(ssrc); });
    }
    for (size_t i = 0; const auto block = rtcp::readReportBlock(*part, i); ++i) {
      if (!isOurs(block->ssrc)) continue;
      loss = std::max(loss.value_or(0), block->fraction_lost);
      if (const auto rtt = rtcp::roundTrip(*block, now_middle)) onRoundTrip(*rtt);
    }
    if (const auto rtt = rtcp::referenceRoundTrip(*part, reportingSsrc(), now_middle)) onRoundTrip(*rtt);
  }
  if (loss) player_->observed.loss_permille.store(*loss * 1000u / 256, std::memory_order_relaxed);
  if (!reader.done()) return context_.drop(std::move(packet), Drop::kMalformed);
  context_.consume(std::move(packet));
}

bool RtpRouter::isOurs(uint32_t ssrc) const {
  return std::any_of(streams_.begin(), streams_.end(),
                     [&](const SlotStream& stream) { return stream.ssrc() == ssrc; });
}

void RtpRouter::onRoundTrip(Duration round_trip) {
  player_->observed.rtt_us.store(static_cast<uint32_t>(round_trip.count() / 1000), std::memory_order_relaxed);
  increment(player_->observed.rtt_samples);
}

// Without a slot to send on, reports use the player's number as SSRC.
uint32_t RtpRouter::reportingSsrc() const {
  return streams_.empty() ? player_->number : streams_.front().ssrc();
}

void RtpRouter::armReports() {
  // RFC 3550 section 6.2: spread over half to one and a half of the interval, so that reports to clients are
  // not in step.
  const auto interval = factory_->rtcp_interval.count();
  reports_.arm(Duration{interval / 2 + static_cast<int64_t>(randomU32()) * (interval / 1000) / 4'294'967});
}

void RtpRouter::sendReports() {
  armReports();
  if (!player_->observed.connected.load(std::memory_order_relaxed))
    return context_.count(Count::kNotConnected);
  const Instant now = context_.now();
  const rtcp::Ntp ntp = rtcp::toNtp(context_.worker().clock().wall());
  std::optional<rtcp::ReportBlock> block;
  if (speaker_) block = speaker_->report(now);
  if (block) {
    player_->observed.uplink_loss_permille.store(block->fraction_lost * 1000u / 256,
                                                 std::memory_order_relaxed);
  }
  std::array<rtcp::SenderInfo, kSendersPerReport> senders;
  size_t count = 0;
  for (SlotStream& stream : streams_) {
    const auto info = stream.report(ntp, now);
    if (info) senders[count++] = *info;
    if (count < senders.size()) continue;
    sendReport(senders, {});
    count = 0;
  }
  if (count == 0 && !block) return;
  sendReport({senders.data(), count}, {block ? &*block : nullptr, block ? 1u : 0u});
}

void RtpRouter::sendReport(std::span<const rtcp::SenderInfo> senders,
                           std::span<const rtcp::ReportBlock> blocks) {
  net::PacketPtr packet = context_.packet();
  if (packet == nullptr) return context_.countDrop(Drop::kNoPacket);
  packet->resize(net::Packet::kMaxPayload);
  rtcp::Writer writer(packet->data());
  for (const rtcp::SenderInfo& sender : senders) {
    writer.addSenderReport(sender, &sender == senders.data() ? blocks : std::span<const rtcp::ReportBlock>());
  }
  const uint32_t own = reportingSsrc();
  if (senders.empty()) writer.addReceiverReport(own, blocks);
  for (const rtcp::SenderInfo& sender : senders) writer.addCname(sender.ssrc, player_->negotiated.cname);
  if (senders.empty()) writer.addCname(own, player_->negotiated.cname);
  // A client that receives no voice has no sender report of the server to refer to.
  if (senders.empty()) rtcp::addReferenceTime(writer, own, rtcp::toNtp(context_.worker().clock().wall()));
  const auto size = writer.finish();
  if (!size) return context_.drop(std::move(packet), Drop::kNoPacket);
  packet->resize(*size);
  packet->kind = PacketKind::kRtcp;
  context_.count(Count::kRtcpOut);
  context_.egress(std::move(packet));
}

bool RtpRouter::onReload(const chain::FilterFactory& factory) {
  factory_ = static_cast<const RtpRouterFactory*>(&factory);
  uplink_.configure(factory_->uplink, context_.now());
  if (player_ != nullptr) armReports();
  return true;
}

// The negotiated parameters are not archived: they belong to the player, which the other process also has.
bool RtpRouter::archive(Archive& a) {
  if (speaker_) a(*speaker_, uplink_, newly_bound_);
  a(slots_);
  for (SlotStream& stream : streams_) a(stream);
  return true;
}

void RtpRouter::describe(chain::Description& out) const {
  if (player_ == nullptr) return;
  out.emplace_back("room", player_->room->name());
  out.emplace_back("player", player_->id);
  if (speaker_ && speaker_->ssrc() != 0) out.emplace_back("ssrc", std::to_string(speaker_->ssrc()));
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_.speaker(i) == 0) continue;
    out.emplace_back("slot[" + std::to_string(i) + "].speaker", std::to_string(slots_.speaker(i)));
  }
}

chain::FilterType filterType() {
  return {.name = "rtp_router",
          .config_type = "sluice.filters.RtpRouter",
          .needs = chain::kAuthenticatedPeer | chain::kPlainRtp,
          .terminal = true,
          .schema = {.drops = kDrops, .counters = kCounters, .histograms = {}},
          .parse = chain::parseAs<filters::RtpRouter, RtpRouterFactory>};
}

}  // namespace sluice::rtp_router
