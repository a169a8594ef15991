#include "source/control/speaker_limits.h"

#include <algorithm>
#include <cmath>

namespace sluice::control {
namespace {

constexpr double kPacketsPerVoice = 50;  // per second, of frames of 20 ms

// The speakers that a receiver hears on average, rounded up.
uint16_t speakersHeard(const SpeakerLimits::Load& load) {
  const double voices = load.packets_per_second / (kPacketsPerVoice * std::max(load.receivers, 1U));
  return static_cast<uint16_t>(std::clamp(std::ceil(voices - 0.05), 0.0, 64.0));
}

}  // namespace

bool SpeakerLimits::needsLoads(std::span<const double> busy) const {
  return !limits_.empty() || std::ranges::any_of(busy, [](double share) { return share >= kSaturated; });
}

std::vector<SpeakerLimits::Change> SpeakerLimits::check(std::span<const double> busy,
                                                        const std::vector<Load>& loads) {
  std::vector<Change> changes;
  forgetEnded(loads);
  saturated_.resize(busy.size());
  for (unsigned worker = 0; worker < busy.size(); ++worker) {
    saturated_[worker] = busy[worker] >= kSaturated ? saturated_[worker] + 1 : 0;
    if (saturated_[worker] >= kSaturatedChecks) lower(worker, loads, changes);
  }
  const bool relieved = std::ranges::all_of(busy, [](double share) { return share < kRelieved; });
  relieved_ = relieved ? relieved_ + 1 : 0;
  if (relieved_ < kRelievedChecks || limits_.empty()) return changes;
  relieved_ = 0;
  raiseLast(changes);
  return changes;
}

void SpeakerLimits::forgetEnded(const std::vector<Load>& loads) {
  std::erase_if(limits_, [&](const auto& limit) {
    return std::ranges::find(loads, limit.first, &Load::room) == loads.end();
  });
}

void SpeakerLimits::lower(unsigned worker, const std::vector<Load>& loads, std::vector<Change>& changes) {
  const Load* heaviest = nullptr;
  uint16_t heard = 0;  // in the heaviest room
  for (const Load& load : loads) {
    if (load.worker != worker) continue;
    const auto limit = limits_.find(load.room);
    const uint16_t most = limit == limits_.end() ? kNone : limit->second.speakers;
    const uint16_t here = std::min(most, speakersHeard(load));
    if (here < 2 || (heaviest && load.packets_per_second <= heaviest->packets_per_second)) continue;
    heaviest = &load;
    heard = here;
  }
  if (heaviest == nullptr) return;
  const auto [limit, is_new] = limits_.try_emplace(heaviest->room, Limit{heard, heard, order_});
  if (is_new) ++order_;
  limit->second.speakers = static_cast<uint16_t>(heard - 1);
  changes.push_back({heaviest->room, limit->second.speakers});
}

void SpeakerLimits::raiseLast(std::vector<Change>& changes) {
  const auto last =
      std::ranges::max_element(limits_, {}, [](const auto& limit) { return limit.second.order; });
  const uint16_t raised = ++last->second.speakers;
  const bool ends = raised >= last->second.before;
  changes.push_back({last->first, ends ? kNone : raised});
  if (ends) limits_.erase(last);
}

}  // namespace sluice::control
