#include "filters/adaptation/adaptation.h"

#include <array>

#include "source/codec/rtcp_feedback.h"
#include "source/media/adaptation_settings.h"

namespace sluice::adaptation {
namespace {

enum class Drop { kNoPacket };
constexpr std::string_view kDrops[] = {"no_packet"};
enum class Count { kChanges, kEvents, kRtcpOut };
constexpr stats::CounterSpec kCounters[] = {{"changes", "How often another profile was chosen."},
                                            {"events", "Profiles signalled as events of the join API."},
                                            {"rtcp_out", "Bit rates signalled by RTCP."}};

constexpr uint16_t kOverheadBytes = 20 + 8 + 12 + 16;  // IP, UDP, RTP and SRTP, per packet
constexpr uint64_t kNoLimitBps = 1'000'000;            // more than any voice takes
constexpr Duration kRepeat = 5s;                       // RTCP may be lost
constexpr unsigned kReleases = 3;  // times that the end of a limit is sent, for the same reason

uint32_t hertz(opus::Bandwidth bandwidth) {
  constexpr uint32_t kRates[] = {8'000, 12'000, 16'000, 24'000, 48'000};
  return kRates[static_cast<size_t>(bandwidth)];
}

}  // namespace

Result<chain::FilterFactoryPtr> AdaptationFactory::make(const filters::Adaptation& config,
                                                        chain::FactoryContext& context) {
  auto factory = std::make_shared<AdaptationFactory>();
  Errors errors;
  factory->policy = media::readAdaptation(config, "", errors);
  factory->interval = std::chrono::milliseconds{config.interval_ms()};
  factory->remb = config.remb();
  factory->tmmbr = config.tmmbr();
  factory->events = config.events();
  factory->listener_loss_percentile = config.listener_loss_percentile();
  if (!errors.empty()) return errors;
  factory->directory = &context.directory;
  return chain::FilterFactoryPtr(std::move(factory));
}

chain::FilterPtr AdaptationFactory::create(chain::FilterContext& context) const {
  return std::make_unique<Adaptation>(context, *this);
}

Adaptation::Adaptation(chain::FilterContext& context, const AdaptationFactory& factory)
    : Filter(context),
      factory_(&factory),
      player_(context.session().player()),
      policy_(factory.policy),
      evaluation_timer_(context.timers(), [this] { evaluate(); }) {
  if (player_ != nullptr && player_->negotiated.sending) evaluation_timer_.arm(factory.interval);
}

media::Adaptation::Line Adaptation::line() {
  const auto read = [](const std::atomic<uint32_t>& value) {
    return value.load(std::memory_order_relaxed) / 1000.0;
  };
  const double uplink = read(player_->observed.uplink_loss_permille);
  const unsigned percentile = factory_->listener_loss_percentile;
  const double receivers =
      percentile == 0 ? 0 : player_->room->receiverLoss().percentile(percentile, player_->loss_class);
  const media::Adaptation::Line now{.rtt_ms = read(player_->observed.rtt_us),
                                    .loss = 1 - (1 - uplink) * (1 - receivers),
                                    .busy = context_.worker().busyShare()};
  return average_.update(now, player_->observed.rtt_samples.load(std::memory_order_relaxed), context_.now());
}

void Adaptation::evaluate() {
  evaluation_timer_.arm(factory_->interval);
  const Instant now = context_.now();
  const bool changed = policy_.update(line(), now);
  if (changed) context_.count(Count::kChanges);
  const bool good = policy_.profile() == media::Profile{.bitrate_bps = factory_->policy.bitrate_bps};
  if (!good) releases_ = kReleases;
  if (releases_ == 0) return;  // no limit was sent, so none has to end
  if (changed) tellByEvent();
  if (!changed && now - last_feedback_ < kRepeat) return;
  tellByRtcp();
  if (good) --releases_;
}

void Adaptation::tellByEvent() {
  if (!factory_->events) return;
  const media::Profile& profile = policy_.profile();
  const rooms::VoiceProfile told{.bandwidth_hz = hertz(profile.bandwidth),
                                 .frame_ms = profile.frame_ms,
                                 .fec = profile.fec,
                                 .expected_loss_percent = profile.expected_loss_percent,
                                 .bitrate_bps = profile.bitrate_bps};
  context_.count(Count::kEvents);
  rooms::Directory* directory = factory_->directory;
  context_.worker().postToMain([directory, player = player_, told] { directory->advise(player, told); });
}

void Adaptation::tellByRtcp() {
  const uint32_t media = player_->observed.ssrc.load(std::memory_order_relaxed);
  const rooms::Feedback agreed = player_->negotiated.sending->feedback &
                                 rooms::Feedback{.remb = factory_->remb, .tmmbr = factory_->tmmbr};
  if (media == 0 || (!agreed.remb && !agreed.tmmbr)) return;
  last_feedback_ = context_.now();
  net::PacketPtr packet = context_.packet();
  if (packet == nullptr) return context_.countDrop(Drop::kNoPacket);
  packet->resize(net::Packet::kMaxPayload);
  rtcp::Writer writer(packet->data());
  const media::Profile& profile = policy_.profile();
  const bool good = profile.bitrate_bps == factory_->policy.bitrate_bps;
  const uint64_t overhead = uint64_t{kOverheadBytes} * 8 * 1000 / profile.frame_ms;
  const uint64_t bps = good ? kNoLimitBps : profile.bitrate_bps + overhead;
  const auto& slots = player_->negotiated.slots;
  const uint32_t own = slots.empty() ? player_->number : slots.front().ssrc;
  writer.addReceiverReport(own, {});
  writer.addCname(own, player_->negotiated.cname);
  if (agreed.remb) rtcp::addRemb(writer, own, media, bps);
  if (agreed.tmmbr) rtcp::addTmmbr(writer, own, media, bps, kOverheadBytes);
  packet->resize(*writer.finish());
  packet->kind = PacketKind::kRtcp;
  context_.count(Count::kRtcpOut);
  context_.egress(std::move(packet));
}

bool Adaptation::onReload(const chain::FilterFactory& factory) {
  factory_ = static_cast<const AdaptationFactory*>(&factory);
  policy_.configure(factory_->policy);
  if (evaluation_timer_.armed()) evaluation_timer_.arm(factory_->interval);
  return true;
}

void Adaptation::describe(chain::Description& out) const {
  if (player_ != nullptr && player_->negotiated.sending) {
    out.emplace_back("profile", media::describe(policy_.profile()));
  }
}

chain::FilterType filterType() {
  return {.name = "adaptation",
          .config_type = "sluice.filters.Adaptation",
          .needs = chain::kPlainRtp,
          .schema = {.drops = kDrops, .counters = kCounters, .histograms = {}},
          .parse = chain::parseAs<filters::Adaptation, AdaptationFactory>};
}

}  // namespace sluice::adaptation
