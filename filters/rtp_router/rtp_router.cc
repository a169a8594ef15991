#include "filters/rtp_router/rtp_router.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "api/filters/rtp_router.pb.h"
#include "filters/rtp_router/router_worker.h"
#include "filters/rtp_router/slot_selection.h"
#include "filters/rtp_router/slot_stream.h"
#include "filters/rtp_router/speaker.h"
#include "filters/rtp_router/uplink_limit.h"
#include "source/audibility/selection.h"
#include "source/chain/typed_filter.h"
#include "source/codec/red.h"
#include "source/codec/rtcp_extended.h"
#include "source/media/payload.h"
#include "source/media/rtcp_session.h"

namespace sluice::rtp_router {
namespace {

using audibility::Selection;

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
  kOverload,
  kSilence,
  kLate,
  kNoPacket,
  kCrossing,
};
enum class Count {
  kVoiceIn,
  kVoiceOut,
  kRtcpIn,
  kRtcpOut,
  kSlotChanges,
  kNotConnected,
  kInaudible,
  kUnheard,
};
constexpr stats::Schema<Drop, Count> kSchema{
    .drops = {{Drop::kNoPlayer, "no_player"},
              {Drop::kMalformed, "malformed"},
              {Drop::kNotSending, "not_sending"},
              {Drop::kUnknownPayloadType, "unknown_payload_type"},
              {Drop::kUnknownSsrc, "unknown_ssrc"},
              {Drop::kStray, "stray"},
              {Drop::kUplinkLimit, "uplink_limit"},
              {Drop::kUnexpected, "unexpected"},
              {Drop::kNoSlot, "no_slot"},
              {Drop::kOverload, "overload"},
              {Drop::kSilence, "silence"},
              {Drop::kLate, "late"},
              {Drop::kNoPacket, "no_packet"},
              {Drop::kCrossing, "crossing"}},
    .counters = {
        {Count::kVoiceIn, "voice_in", "RTP packets accepted from speakers."},
        {Count::kVoiceOut, "voice_out", "RTP packets produced for receivers."},
        {Count::kRtcpIn, "rtcp_in", "Compound RTCP packets read."},
        {Count::kRtcpOut, "rtcp_out", "Compound RTCP packets produced."},
        {Count::kSlotChanges, "slot_changes", "Changes of a slot's speaker."},
        {Count::kNotConnected, "not_connected",
         "RTP packets not produced for receivers whose DTLS handshake is not complete."},
        {Count::kInaudible, "inaudible",
         "RTP packets not produced for receivers who do not hear the speaker by the room's rules."},
        {Count::kUnheard, "unheard", "RTP packets that no receiver on a worker hears by the room's rules."}}};

// A speaker must be louder than the quietest one with a slot by this margin, in dB, to take the slot.
constexpr float kLouderBy = 12;

struct Settings {
  rooms::Directory* directory = nullptr;  // main thread only
  Selection::Config selection;
  UplinkLimit::Config uplink;
  Duration rtcp_interval{};
};

Result<Settings> readSettings(const filters::RtpRouter& config, chain::FactoryContext& context) {
  Settings settings;
  settings.directory = &context.directory;
  const auto hold = std::chrono::milliseconds{config.slot_hold_ms()};
  settings.selection = {.max_speakers = SIZE_MAX,
                        .rank_by = Selection::RankBy::kLoudness,
                        .hysteresis_db = kLouderBy,
                        .min_hold = hold,
                        .hold = hold};
  settings.rtcp_interval = std::chrono::milliseconds{config.rtcp_interval_ms()};
  settings.uplink.packets_per_second = config.uplink().packets_per_second();
  settings.uplink.burst_packets = config.uplink().burst_packets();
  settings.uplink.bytes_per_second = config.uplink().bytes_per_second();
  settings.uplink.burst_bytes = config.uplink().burst_bytes();
  return settings;
}

template <typename T>
T increment(std::atomic<T>& value) {
  const T next = value.load(std::memory_order_relaxed) + 1;
  value.store(next, std::memory_order_relaxed);  // one writer
  return next;
}

class RtpRouter final : public chain::TypedFilter<Settings, kSchema>, private Receiver {
 public:
  RtpRouter(chain::FilterContext& context, const Settings& settings);
  ~RtpRouter() override;

  void onIngress(net::PacketPtr&& packet) override;
  bool archive(Archive& a) override;
  void describe(chain::Description& out) const override;

 private:
  bool onSettings(const Settings& before) override;
  uint32_t number() const override { return player_->number; }
  void deliver(const net::SharedPacket& packet, const Voice& voice,
               const audibility::Hearer* hearer) override;
  void countInaudible(size_t inaudible, bool unheard) override;

  void onRtp(net::PacketPtr&& packet);
  bool cutRedundancy(net::Packet& packet) const;
  void distribute(net::PacketPtr&& packet);
  void bind(uint32_t ssrc);
  void publishSpeakers();
  void onRtcp(net::PacketPtr&& packet);
  bool isOurs(uint32_t ssrc) const;
  void sendReports();
  void sendReport(std::span<const rtcp::SenderInfo> senders, std::span<const rtcp::ReportBlock> blocks);

  const rooms::PlayerPtr player_;  // null: not announced by signalling; everything is dropped
  RouterWorker& shared_;
  const LocalRoom* room_ = nullptr;  // null without a player
  std::optional<Speaker> speaker_;
  UplinkLimit uplink_;
  bool newly_bound_ = false;  // the directory does not have the speaker's SSRC yet
  SlotSelection selection_;
  std::vector<SlotStream> streams_;  // by slot
  net::Timer reports_;
};

RtpRouter::RtpRouter(chain::FilterContext& context, const Settings& settings)
    : TypedFilter(context, settings),
      player_(context.session().player()),
      shared_(context.worker().local<RouterWorker>()),
      uplink_(settings.uplink, context.now()),
      selection_(player_ == nullptr ? 0 : player_->negotiated.slots.size(), settings.selection),
      reports_(context.timers(), [this] { sendReports(); }) {
  if (player_ == nullptr) return;
  if (player_->negotiated.sending) speaker_.emplace(*player_->negotiated.sending);
  const std::vector<rooms::Slot>& slots = player_->negotiated.slots;
  streams_.reserve(slots.size());
  for (size_t i = 0; i < slots.size(); ++i) {
    streams_.emplace_back(slots[i], player_->slot_sequences[i]);
  }
  room_ = &shared_.add(*player_->room, *this);
  reports_.arm(media::RtcpSession::interval(settings.rtcp_interval));
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
  if (packet->rtp() == nullptr) return context_.drop(std::move(packet), Drop::kMalformed);
  if (!speaker_) return context_.drop(std::move(packet), Drop::kNotSending);
  if (!cutRedundancy(*packet)) return context_.drop(std::move(packet), Drop::kMalformed);
  const rtp::Packet& rtp = *packet->rtp();
  switch (speaker_->examine(rtp, packet->received)) {
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
  if (!uplink_.take(rtp.payload.size(), packet->received)) {
    return context_.drop(std::move(packet), Drop::kUplinkLimit);
  }
  // The SSRC is bound only within the limit, since binding costs work on the main thread.
  if (std::exchange(newly_bound_, false)) bind(rtp.ssrc);
  distribute(std::move(packet));
}

// A reload may have removed the repair filter that RED was negotiated for. Makes the packet plain Opus, or
// returns false if it is malformed.
bool RtpRouter::cutRedundancy(net::Packet& packet) const {
  const rooms::SendingSection& section = speaker_->section();
  const rtp::Packet& rtp = *packet.rtp();
  if (section.red_payload_type == 0 || rtp.payload_type != section.red_payload_type) return true;
  size_t primary_at = 0;  // padding only
  if (!rtp.payload.empty()) {
    const auto red = red::parse(rtp.payload);
    if (!red) return false;
    primary_at = static_cast<size_t>(red->primary().data.data() - rtp.payload.data());
  }
  media::cutPayload(packet, rtp, primary_at, section.opus_payload_type);
  return packet.rtp() != nullptr;
}

void RtpRouter::bind(uint32_t ssrc) {
  rooms::Directory* directory = settings().directory;
  context_.worker().postToMain([directory, player = player_, ssrc] { directory->bindSsrc(player, ssrc); });
}

void RtpRouter::distribute(net::PacketPtr&& packet) {
  const rtp::Packet& rtp = *packet->rtp();
  auto& observed = player_->observed;
  const uint32_t csrc = observed.csrc.load(std::memory_order_relaxed);
  std::optional<uint8_t> level;
  const auto extension = rtp.findExtension(speaker_->section().extensions.audio_level);
  if (extension && !extension->empty()) level = extension->front();  // the two-byte form has empty elements
  const auto speech = speaker_->detectSpeech(rtp.payload, level, packet->received);
  const Voice voice{.room = player_->room->number(),
                    .speaker = player_->number,
                    .csrc = csrc != 0 ? csrc : rtp.ssrc,
                    .stream = speaker_->stream(),
                    .index = static_cast<uint32_t>(increment(observed.packets_in)),
                    .payload_at = static_cast<uint16_t>(rtp.payload.data() - packet->data().data()),
                    .level = level.value_or(0),
                    .has_level = level.has_value(),
                    .speech = speech};
  const int64_t received_ns = packet->received.time_since_epoch().count();
  observed.last_rtp_ns.store(received_ns, std::memory_order_relaxed);
  observed.loudness.store(speech.loudness, std::memory_order_relaxed);
  if (speech.active) observed.last_voice_ns.store(received_ns, std::memory_order_relaxed);
  context_.count(Count::kVoiceIn);
  packet->setNote(voice);
  if (!shared_.distribute(*player_->room, *this, std::move(packet))) context_.countDrop(Drop::kCrossing);
}

void RtpRouter::countInaudible(size_t inaudible, bool unheard) {
  context_.count(Count::kInaudible, inaudible);
  if (unheard) context_.count(Count::kUnheard);
}

void RtpRouter::deliver(const net::SharedPacket& packet, const Voice& voice,
                        const audibility::Hearer* hearer) {
  if (!player_->observed.connected.load(std::memory_order_relaxed))
    return context_.count(Count::kNotConnected);
  const Instant now = context_.now();
  const auto admission = selection_.admit(voice, *room_, hearer, now);
  if (selection_.changed()) publishSpeakers();
  if (!admission.isAdmitted()) {
    const Drop speech = selection_.isLimited() ? Drop::kOverload : Drop::kNoSlot;
    return context_.countDrop(voice.speech.active ? speech : Drop::kSilence);
  }
  if (admission.outcome != Selection::Outcome::kHeld) context_.count(Count::kSlotChanges);
  net::PacketPtr out = context_.packet();
  if (out == nullptr) return context_.countDrop(Drop::kNoPacket);
  if (!streams_[admission.place].write(*packet, voice, hearer, now, *out)) {
    return context_.drop(std::move(out), Drop::kLate);
  }
  out->kind = PacketKind::kRtp;
  out->received = packet->received;
  out->slot = static_cast<uint16_t>(admission.place);
  out->origin = packet;
  increment(player_->observed.packets_out);
  context_.count(Count::kVoiceOut);
  context_.egress(std::move(out));
}

void RtpRouter::publishSpeakers() {
  for (size_t slot = 0; slot < streams_.size(); ++slot) {
    player_->slot_speakers[slot].store(selection_.speaker(slot), std::memory_order_relaxed);
  }
}

void RtpRouter::onRtcp(net::PacketPtr&& packet) {
  context_.count(Count::kRtcpIn);
  const uint32_t now_middle = rtcp::middle(rtcp::toNtp(context_.worker().clock().wall()));
  std::optional<uint8_t> loss;  // of the worst stream, because the others may be silent
  rtcp::Reader reader(packet->data());
  while (const auto part = reader.next()) {
    if (speaker_) {
      if (const auto info = rtcp::readSenderInfo(*part)) speaker_->onSenderReport(*info, packet->received);
      rtcp::forEachBye(*part, [&](uint32_t ssrc) { speaker_->onBye(ssrc); });
    }
    for (size_t i = 0; const auto block = rtcp::readReportBlock(*part, i); ++i) {
      if (!isOurs(block->ssrc)) continue;
      loss = std::max(loss.value_or(0), block->fraction_lost);
      if (const auto rtt = rtcp::roundTrip(*block, now_middle)) player_->line.onRoundTrip(*rtt);
    }
    const auto rtt = rtcp::referenceRoundTrip(*part, media::RtcpSession(*player_).ssrc(), now_middle);
    if (rtt) player_->line.onRoundTrip(*rtt);
  }
  if (loss) player_->line.setDownlinkLoss(*loss / 256.0);
  if (!reader.done()) return context_.drop(std::move(packet), Drop::kMalformed);
  context_.consume(std::move(packet));
}

bool RtpRouter::isOurs(uint32_t ssrc) const {
  return std::any_of(streams_.begin(), streams_.end(),
                     [&](const SlotStream& stream) { return stream.ssrc() == ssrc; });
}

void RtpRouter::sendReports() {
  reports_.arm(media::RtcpSession::interval(settings().rtcp_interval));
  if (!player_->observed.connected.load(std::memory_order_relaxed))
    return context_.count(Count::kNotConnected);
  const Instant now = context_.now();
  const rtcp::Ntp ntp = rtcp::toNtp(context_.worker().clock().wall());
  std::optional<rtcp::ReportBlock> block;
  if (speaker_) block = speaker_->report(now);
  if (block) player_->line.setRoutedLoss(block->fraction_lost / 256.0);
  std::array<rtcp::SenderInfo, media::RtcpSession::kMaxSenders> senders;
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
  const rtcp::Ntp now = rtcp::toNtp(context_.worker().clock().wall());
  media::RtcpSession(*player_).writeReport(senders, blocks, now, *packet);
  context_.count(Count::kRtcpOut);
  context_.egress(std::move(packet));
}

bool RtpRouter::onSettings(const Settings&) {
  selection_.configure(settings().selection);
  uplink_.configure(settings().uplink, context_.now());
  if (player_ != nullptr) reports_.arm(media::RtcpSession::interval(settings().rtcp_interval));
  return true;
}

// The negotiated parameters are not archived: they belong to the player, which the other process also has.
bool RtpRouter::archive(Archive& a) {
  if (speaker_) a(*speaker_, uplink_, newly_bound_);
  a(selection_);
  for (SlotStream& stream : streams_) a(stream);
  if (a.isReading() && player_ != nullptr) publishSpeakers();
  return true;
}

void RtpRouter::describe(chain::Description& out) const {
  if (player_ == nullptr) return;
  out.emplace_back("room", player_->room->name());
  out.emplace_back("player", player_->id);
  if (speaker_ && speaker_->ssrc() != 0) out.emplace_back("ssrc", std::to_string(speaker_->ssrc()));
  for (size_t i = 0; i < streams_.size(); ++i) {
    if (selection_.speaker(i) == 0) continue;
    out.emplace_back("slot[" + std::to_string(i) + "].speaker", std::to_string(selection_.speaker(i)));
  }
}

}  // namespace

chain::FilterType filterType() {
  return chain::typedFilterType<RtpRouter, readSettings>(
      {.name = "rtp_router",
       .needs = chain::kAuthenticatedPeer | chain::kPlainRtp,
       .terminal = true,
       .routes_voice = true});
}

}  // namespace sluice::rtp_router
