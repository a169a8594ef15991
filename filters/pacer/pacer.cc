#include "filters/pacer/pacer.h"

#include <algorithm>
#include <string>

namespace sluice::pacer {
namespace {

constexpr double kStreamRateBps = 64'000;  // without rate_bps, for each stream
constexpr double kStreamBurstBytes = 1280;

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

constexpr std::string_view kDrops[] = {"queue_full", "too_late", "past_deadline", "pool_share"};
constexpr stats::CounterSpec kCounters[] = {{"queued", "Packets that had to wait for tokens."}};
constexpr stats::HistogramSpec kHistograms[] = {{"delay", "Time that RTP packets spent in the pacer."}};

}  // namespace

Result<chain::FilterFactoryPtr> PacerFactory::make(const filters::Pacer& config, chain::FactoryContext&) {
  auto factory = std::make_shared<PacerFactory>();
  Errors errors;
  factory->rate.rate_bps = config.has_rate_bps() ? static_cast<double>(config.rate_bps()) : kStreamRateBps;
  factory->rate_per_stream = !config.has_rate_bps();
  factory->burst_bytes = config.has_burst_bytes() ? config.burst_bytes() : kStreamBurstBytes;
  factory->burst_per_stream = !config.has_burst_bytes();
  factory->max_queue_packets = config.max_queue_packets();
  factory->max_delay = std::chrono::milliseconds{config.max_delay_ms()};
  if (config.has_adaptation()) readAdaptation(config.adaptation(), factory->rate, errors);
  if (!errors.empty()) return errors;
  return chain::FilterFactoryPtr(std::move(factory));
}

chain::FilterPtr PacerFactory::create(chain::FilterContext& context) const {
  return std::make_unique<Pacer>(context, *this);
}

Pacer::Pacer(chain::FilterContext& context, const PacerFactory& factory)
    : Filter(context),
      factory_(&factory),
      shared_(context.worker().local<PacerWorker>()),
      policy_(factory.rate),
      bucket_(1, burst(), context.now()),
      queue_(factory.max_queue_packets),
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
  return factory_->burst_bytes * (factory_->burst_per_stream ? streams() : 1);
}

void Pacer::applyRate() {
  const double bps = policy_.rateBps() * (factory_->rate_per_stream ? streams() : 1);
  bucket_.setRate(bps / 8, burst(), context_.now());
}

void Pacer::adaptRate() {
  const auto& player = context_.session().player();
  if (player == nullptr) return;
  const uint32_t samples = player->observed.rtt_samples.load(std::memory_order_relaxed);
  if (samples == rtt_samples_) return;
  rtt_samples_ = samples;
  const std::chrono::microseconds rtt{player->observed.rtt_us.load(std::memory_order_relaxed)};
  if (policy_.onRoundTrip(rtt)) applyRate();
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
      full ? std::min(queue_.size(), factory_->max_queue_packets) : factory_->max_queue_packets;
  const net::Packet* newcomer = packet.get();
  packet->note<Instant>() = now;
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
    if (now - queue_.front().note<Instant>() > factory_->max_delay) {
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

bool Pacer::onReload(const chain::FilterFactory& factory) {
  const auto& fresh = static_cast<const PacerFactory&>(factory);
  if (fresh.max_queue_packets != factory_->max_queue_packets) {
    const size_t capacity = std::max(fresh.max_queue_packets, queue_.size());
    FairQueue queue(capacity);
    while (!queue_.empty()) queue.push(queue_.pop(), capacity);
    queue_ = std::move(queue);
  }
  factory_ = &fresh;
  policy_.configure(fresh.rate);
  applyRate();
  if (!queue_.empty()) timer_.arm(Duration::zero());
  return true;
}

void Pacer::describe(chain::Description& out) const {
  out.emplace_back("rate_bps", std::to_string(static_cast<uint64_t>(bucket_.rate() * 8)));
  out.emplace_back("queued", std::to_string(queue_.size()));
}

chain::FilterType filterType() {
  return {.name = "pacer",
          .config_type = "sluice.filters.Pacer",
          .schema = {.drops = kDrops, .counters = kCounters, .histograms = kHistograms},
          .parse = chain::parseAs<filters::Pacer, PacerFactory>};
}

}  // namespace sluice::pacer
