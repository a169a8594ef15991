#include "filters/adaptation/adaptation.h"

#include "api/filters/adaptation.pb.h"
#include "source/chain/typed_filter.h"
#include "source/codec/rtcp_feedback.h"
#include "source/media/adaptation_settings.h"
#include "source/media/line_average.h"
#include "source/media/rtcp_session.h"

namespace sluice::adaptation {
namespace {

constexpr uint16_t kOverheadBytes = 20 + 8 + 12 + 16;  // IP, UDP, RTP and SRTP, per packet
constexpr uint64_t kNoLimitBps = 1'000'000;            // more than any voice takes
constexpr Duration kRepeat = 5s;                       // RTCP may be lost
constexpr unsigned kReleases = 3;  // times that the end of a limit is sent, for the same reason

enum class Drop { kNoPacket };
enum class Count { kChanges, kEvents, kRtcpOut };
constexpr stats::Schema<Drop, Count> kSchema{
    .drops = {{Drop::kNoPacket, "no_packet"}},
    .counters = {{Count::kChanges, "changes", "Changes of the recommended profile."},
                 {Count::kEvents, "events", "Profiles signalled as events of the join API."},
                 {Count::kRtcpOut, "rtcp_out", "Bit rates signalled by RTCP."}}};

struct Settings {
  rooms::Directory* directory = nullptr;  // main thread only
  media::Adaptation::Config policy{};
  Duration interval{};
  unsigned listener_loss_percentile = 0;
  rooms::Feedback feedback{};
  bool events = false;

  rooms::RepairFeatures repairFeatures() const { return {.feedback = feedback}; }
};

Result<Settings> readSettings(const filters::Adaptation& config, chain::FactoryContext& context) {
  Errors errors;
  Settings settings{.directory = &context.directory,
                    .policy = media::readAdaptation(config, "", errors),
                    .interval = std::chrono::milliseconds{config.interval_ms()},
                    .listener_loss_percentile = config.listener_loss_percentile(),
                    .feedback = {.remb = config.remb(), .tmmbr = config.tmmbr()},
                    .events = config.events()};
  if (!errors.empty()) return errors;
  return settings;
}

uint32_t hertz(opus::Bandwidth bandwidth) {
  constexpr uint32_t kRates[] = {8'000, 12'000, 16'000, 24'000, 48'000};
  return kRates[static_cast<size_t>(bandwidth)];
}

// Acts on players that signalling announced and that may send voice.
class Adaptation final : public chain::TypedFilter<Settings, kSchema> {
 public:
  Adaptation(chain::FilterContext& context, const Settings& settings);

  bool archive(Archive& a) override {
    a(average_, policy_, releases_, last_feedback_);
    return true;
  }
  void describe(chain::Description& out) const override;

 private:
  bool onSettings(const Settings& before) override;
  void evaluate();
  media::Adaptation::Line line();
  void sendEvent();
  void sendFeedback();

  const rooms::PlayerPtr player_;  // null: the session has no player
  media::LineAverage average_;
  media::Adaptation policy_;
  net::Timer evaluation_timer_;
  unsigned releases_ = 0;  // how many more times RTCP signals that no limit applies
  Instant last_feedback_{};
};

Adaptation::Adaptation(chain::FilterContext& context, const Settings& settings)
    : TypedFilter(context, settings),
      player_(context.session().player()),
      policy_(settings.policy),
      evaluation_timer_(context.timers(), [this] { evaluate(); }) {
  if (player_ != nullptr && player_->negotiated.sending) evaluation_timer_.arm(settings.interval);
}

media::Adaptation::Line Adaptation::line() {
  const double uplink = player_->line.uplinkLoss();
  const unsigned percentile = settings().listener_loss_percentile;
  const double receivers = percentile == 0 ? 0 : player_->receiver_loss.ofOthers(percentile);
  const media::Adaptation::Line now{
      .rtt_ms = std::chrono::duration<double, std::milli>(player_->line.roundTrip()).count(),
      .loss = 1 - (1 - uplink) * (1 - receivers),
      .busy = context_.worker().busyShare()};
  return average_.update(now, player_->line.roundTrips(), context_.now());
}

void Adaptation::evaluate() {
  evaluation_timer_.arm(settings().interval);
  const Instant now = context_.now();
  const bool changed = policy_.update(line(), now);
  if (changed) context_.count(Count::kChanges);
  const bool good = policy_.profile() == media::Profile{.bitrate_bps = settings().policy.bitrate_bps};
  if (!good) releases_ = kReleases;
  if (releases_ == 0) return;  // no limit was sent, so none has to end
  if (changed) sendEvent();
  if (!changed && now - last_feedback_ < kRepeat) return;
  sendFeedback();
  if (good) --releases_;
}

void Adaptation::sendEvent() {
  if (!settings().events) return;
  const media::Profile& profile = policy_.profile();
  const rooms::VoiceProfile advice{.bandwidth_hz = hertz(profile.bandwidth),
                                   .frame_ms = profile.frame_ms,
                                   .fec = profile.fec,
                                   .expected_loss_percent = profile.expected_loss_percent,
                                   .bitrate_bps = profile.bitrate_bps};
  context_.count(Count::kEvents);
  rooms::Directory* directory = settings().directory;
  context_.worker().postToMain([directory, player = player_, advice] { directory->advise(player, advice); });
}

void Adaptation::sendFeedback() {
  const uint32_t media = player_->observed.ssrc.load(std::memory_order_relaxed);
  const rooms::Feedback agreed = player_->negotiated.sending->feedback & settings().feedback;
  if (media == 0 || (!agreed.remb && !agreed.tmmbr)) return;
  last_feedback_ = context_.now();
  net::PacketPtr packet = context_.packet();
  if (packet == nullptr) return context_.countDrop(Drop::kNoPacket);
  const media::Profile& profile = policy_.profile();
  const bool good = profile.bitrate_bps == settings().policy.bitrate_bps;
  const uint64_t overhead = uint64_t{kOverheadBytes} * 8 * 1000 / profile.frame_ms;
  const uint64_t bps = good ? kNoLimitBps : profile.bitrate_bps + overhead;
  const media::RtcpSession rtcp(*player_);
  rtcp.writeFeedback(*packet, [&](rtcp::Writer& writer) {
    if (agreed.remb) rtcp::addRemb(writer, rtcp.ssrc(), media, bps);
    if (agreed.tmmbr) rtcp::addTmmbr(writer, rtcp.ssrc(), media, bps, kOverheadBytes);
  });
  context_.count(Count::kRtcpOut);
  context_.egress(std::move(packet));
}

bool Adaptation::onSettings(const Settings&) {
  policy_.configure(settings().policy);
  if (evaluation_timer_.armed()) evaluation_timer_.arm(settings().interval);
  return true;
}

void Adaptation::describe(chain::Description& out) const {
  if (player_ != nullptr && player_->negotiated.sending) {
    out.emplace_back("profile", media::describe(policy_.profile()));
  }
}

}  // namespace

chain::FilterType filterType() {
  return chain::typedFilterType<Adaptation, readSettings>({.name = "adaptation", .needs = chain::kPlainRtp});
}

}  // namespace sluice::adaptation
