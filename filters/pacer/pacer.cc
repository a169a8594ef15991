#include "filters/pacer/pacer.h"

#include <algorithm>
#include <string>

#include "api/filters/pacer.pb.h"
#include "filters/pacer/fair_queue.h"
#include "filters/pacer/rate_policy.h"
#include "source/base/token_bucket.h"
#include "source/chain/typed_filter.h"
#include "source/chain/worker.h"

namespace sluice::pacer {
namespace {

constexpr double kStreamRateBps = 64'000;  // without rate_bps, for each stream
constexpr double kStreamBurstBytes = 1280;

enum class Drop { kQueueFull, kTooLate, kPastDeadline, kPoolShare };
enum class Count { kQueued };
enum class Record { kDelay };
constexpr stats::Schema<Drop, Count, Record> kSchema{
    .drops = {{Drop::kQueueFull, "queue_full"},
              {Drop::kTooLate, "too_late"},
              {Drop::kPastDeadline, "past_deadline"},
              {Drop::kPoolShare, "pool_share"}},
    .counters = {{Count::kQueued, "queued", "Packets that had to wait for tokens."}},
    .histograms = {{Record::kDelay, "delay", "Time that RTP packets spent in the pacer."}}};

struct Settings {
  RatePolicy::Config rate;
  bool rate_per_stream = false;  // the rate is for each stream that the client may receive
  double burst_bytes = 0;
  bool burst_per_stream = false;
  size_t max_queue_packets = 0;
  Duration max_delay{};
};

void readAdaptation(const filters::Pacer::Adaptation& config, RatePolicy::Config& rate, Errors& errors) {
  rate.adapt = true;
  rate.min_rate_bps =
      config.has_min_rate_bps() ? static_cast<double>(config.min_rate_bps()) : rate.rate_bps / 2;
  rate.max_rate_bps =
      config.has_max_rate_bps() ? static_cast<double>(config.max_rate_bps()) : rate.rate_bps * 2;
  if (rate.min_rate_bps > rate.max_rate_bps) {
    errors.push_back({"adaptation.min_rate_bps", "must not exceed max_rate_bps"});
  }
  rate.alpha = config.alpha();
  if (!(rate.alpha > 0 && rate.alpha < 1)) errors.push_back({"adaptation.alpha", "must be between 0 and 1"});
  rate.low_rtt = std::chrono::milliseconds{config.low_rtt_ms()};
  rate.high_rtt = std::chrono::milliseconds{config.high_rtt_ms()};
  if (rate.low_rtt >= rate.high_rtt) errors.push_back({"adaptation.low_rtt_ms", "must be below high_rtt_ms"});
}

Result<Settings> readSettings(const filters::Pacer& config, chain::FactoryContext&) {
  Settings settings;
  Errors errors;
  settings.rate.rate_bps = config.has_rate_bps() ? static_cast<double>(config.rate_bps()) : kStreamRateBps;
  settings.rate_per_stream = !config.has_rate_bps();
  settings.burst_bytes = config.has_burst_bytes() ? config.burst_bytes() : kStreamBurstBytes;
  settings.burst_per_stream = !config.has_burst_bytes();
  settings.max_queue_packets = config.max_queue_packets();
  settings.max_delay = std::chrono::milliseconds{config.max_delay_ms()};
  if (config.has_adaptation()) readAdaptation(config.adaptation(), settings.rate, errors);
  if (!errors.empty()) return errors;
  return settings;
}

// The queues of a worker's pacers together hold at most a quarter of the worker's packet pool.
class PacerWorker {
 public:
  explicit PacerWorker(chain::Worker& worker) : max_held_(worker.pool().capacity() / 4) {}

  bool full() const { return held_ >= max_held_; }
  void add() { ++held_; }
  void remove() { --held_; }

 private:
  const size_t max_held_;
  size_t held_ = 0;
};

class Pacer final : public chain::TypedFilter<Settings, kSchema> {
 public:
  Pacer(chain::FilterContext& context, const Settings& settings);
  ~Pacer() override;

  void onEgress(net::PacketPtr&& packet) override;
  void onFlush() override;
  bool archive(Archive& a) override;
  void describe(chain::Description& out) const override;

 private:
  bool onSettings(const Settings& before) override;
  unsigned streams() const;
  double burst() const;
  void adaptRate();
  void applyRate();
  void release();
  void dropFront(Drop reason);
  void passOn(net::PacketPtr&& packet, Instant now);

  PacerWorker& shared_;
  RatePolicy policy_;
  uint32_t rtt_samples_ = 0;  // the player's samples that the policy has seen
  TokenBucket bucket_;        // bytes
  FairQueue queue_;
  net::Timer timer_;
};

Pacer::Pacer(chain::FilterContext& context, const Settings& settings)
    : TypedFilter(context, settings),
      shared_(context.worker().local<PacerWorker>()),
      policy_(settings.rate),
      bucket_(1, burst(), context.now()),
      queue_(settings.max_queue_packets),
      timer_(context.timers(), [this] { release(); }) {
  applyRate();
}

Pacer::~Pacer() {
  onFlush();
}

void Pacer::onFlush() {
  while (!queue_.empty()) passOn(queue_.pop(), context_.now());
}

bool Pacer::archive(Archive& a) {
  a(policy_, rtt_samples_, bucket_);
  if (a.isReading()) applyRate();
  return true;
}

unsigned Pacer::streams() const {
  const auto& player = context_.session().player();
  return player == nullptr ? 1
                           : std::max<unsigned>(1, static_cast<unsigned>(player->negotiated.slots.size()));
}

double Pacer::burst() const {
  return settings().burst_bytes * (settings().burst_per_stream ? streams() : 1);
}

void Pacer::applyRate() {
  const double bps = policy_.rateBps() * (settings().rate_per_stream ? streams() : 1);
  bucket_.setRate(bps / 8, burst(), context_.now());
}

void Pacer::adaptRate() {
  const auto& player = context_.session().player();
  if (player == nullptr) return;
  const uint32_t samples = player->line.roundTrips();
  if (samples == rtt_samples_) return;
  rtt_samples_ = samples;
  if (policy_.onRoundTrip(player->line.roundTrip())) applyRate();
}

void Pacer::onEgress(net::PacketPtr&& packet) {
  if (packet->kind != PacketKind::kRtp) return context_.egress(std::move(packet));
  adaptRate();
  const Instant now = context_.now();
  if (queue_.empty() && bucket_.take(static_cast<double>(packet->size()), now)) {
    context_.record(Record::kDelay, Duration::zero());
    return context_.egress(std::move(packet));
  }
  // If the worker's share is used up, the longest stream of this queue makes room.
  const bool full = shared_.full();
  if (full && queue_.empty()) return context_.drop(std::move(packet), Drop::kPoolShare);
  const size_t limit =
      full ? std::min(queue_.size(), settings().max_queue_packets) : settings().max_queue_packets;
  const net::Packet* newcomer = packet.get();
  packet->setNote(now);
  net::PacketPtr loser = queue_.push(std::move(packet), limit);
  if (loser.get() != newcomer) context_.count(Count::kQueued);
  if (loser == nullptr) {
    shared_.add();
  } else {
    context_.drop(std::move(loser), full ? Drop::kPoolShare : Drop::kQueueFull);
  }
  timer_.arm(bucket_.wait(static_cast<double>(queue_.front().size()), now));
}

void Pacer::release() {
  const Instant now = context_.now();
  while (!queue_.empty()) {
    const auto size = static_cast<double>(queue_.front().size());
    if (now - queue_.front().note<Instant>() > settings().max_delay) {
      dropFront(Drop::kTooLate);
    } else if (now > queue_.front().deadline) {
      dropFront(Drop::kPastDeadline);
    } else if (bucket_.take(size, now)) {
      passOn(queue_.pop(), now);
    } else {
      return timer_.arm(bucket_.wait(size, now));
    }
  }
}

void Pacer::dropFront(Drop reason) {
  shared_.remove();
  context_.drop(queue_.popUnused(), reason);
}

void Pacer::passOn(net::PacketPtr&& packet, Instant now) {
  shared_.remove();
  context_.record(Record::kDelay, now - packet->note<Instant>());
  context_.egress(std::move(packet));
}

bool Pacer::onSettings(const Settings& before) {
  const size_t places = settings().max_queue_packets;
  if (places != before.max_queue_packets) {
    const size_t capacity = std::max(places, queue_.size());
    FairQueue queue(capacity);
    while (!queue_.empty()) queue.push(queue_.pop(), capacity);
    queue_ = std::move(queue);
  }
  policy_.configure(settings().rate);
  applyRate();
  if (!queue_.empty()) timer_.arm(Duration::zero());
  return true;
}

void Pacer::describe(chain::Description& out) const {
  out.emplace_back("rate_bps", std::to_string(static_cast<uint64_t>(bucket_.rate() * 8)));
  out.emplace_back("queued", std::to_string(queue_.size()));
}

}  // namespace

chain::FilterType filterType() {
  return chain::typedFilterType<Pacer, readSettings>({.name = "pacer"});
}

}  // namespace sluice::pacer
