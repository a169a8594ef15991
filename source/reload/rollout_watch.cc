#include "source/reload/rollout_watch.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <utility>

#include "source/base/hash.h"
#include "source/chain/filter_type.h"

namespace sluice::reload {
namespace {

constexpr double kDropFloor = 0.001;  // smaller shares are not significant
constexpr double kFailureFloor = 0.01;

double share(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string describe(const char* what, double newest, double others) {
  char text[128];
  std::snprintf(text, sizeof text, "%.2f %% of its %s, compared with %.2f %%", 100 * newest, what,
                100 * others);
  return text;
}

}  // namespace

ChainHealth& ChainHealth::operator+=(const ChainHealth& other) {
  packets += other.packets;
  drops += other.drops;
  successes += other.successes;
  failures += other.failures;
  return *this;
}

ChainHealth ChainHealth::operator-(const ChainHealth& before) const {
  return {packets - before.packets, drops - before.drops, successes - before.successes,
          failures - before.failures};
}

ChainHealth healthOf(const chain::ChainSpec& chain) {
  using Health = stats::CounterSpec::Health;
  ChainHealth health;
  for (size_t i = 0; i < chain.filters.size(); ++i) {
    const chain::FilterSpec& filter = chain.filters[i];
    const auto own = filter.factory->schema();
    const stats::FilterSchema& schema = own != nullptr ? *own : filter.type->schema;
    for (const stats::FilterStats* stats : filter.stats) {
      if (i == 0) health.packets += stats->ingress.packets.value() + stats->egress.packets.value();
      for (const stats::Counter& drop : stats->drops) health.drops += drop.value();
      for (size_t c = 0; c < schema.counters.size(); ++c) {
        const Health meaning = schema.counters[c].health;
        if (meaning == Health::kSuccess) health.successes += stats->counters[c].value();
        if (meaning == Health::kFailure) health.failures += stats->counters[c].value();
      }
    }
  }
  return health;
}

size_t mixCounters(size_t fingerprint, const chain::ChainSpec& chain) {
  const auto mix = [&](size_t value) { fingerprint = multiplyAndFold(fingerprint ^ value); };
  mix(std::hash<std::string>()(chain.version));
  for (const chain::FilterSpec& filter : chain.filters) {
    for (const stats::FilterStats* stats : filter.stats) mix(std::hash<const void*>()(stats));
  }
  return fingerprint;
}

std::string RolloutWatch::compare(const ChainHealth& newest, const ChainHealth& others, size_t fingerprint,
                                  Instant now) {
  if (std::exchange(fingerprint_, fingerprint) != fingerprint) samples_.clear();
  samples_.push_back({now, newest, others});
  while (samples_.size() > 2 && samples_[1].at <= now - rule_.window) samples_.pop_front();
  const ChainHealth fresh = newest - samples_.front().newest;
  const ChainHealth old = others - samples_.front().others;
  const double drops = share(fresh.drops, fresh.packets), old_drops = share(old.drops, old.packets);
  if (fresh.packets >= rule_.min_packets && drops > rule_.factor * std::max(old_drops, kDropFloor)) {
    return describe("packets were dropped", drops, old_drops);
  }
  const uint64_t handshakes = fresh.successes + fresh.failures;
  const double failures = share(fresh.failures, handshakes);
  const double old_failures = share(old.failures, old.successes + old.failures);
  if (handshakes >= rule_.min_handshakes && failures > rule_.factor * std::max(old_failures, kFailureFloor)) {
    return describe("handshakes failed", failures, old_failures);
  }
  return {};
}

}  // namespace sluice::reload
