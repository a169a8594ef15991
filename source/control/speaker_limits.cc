#include "source/control/speaker_limits.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

namespace sluice::control {

bool SpeakerLimits::needsLoads(std::span<const double> busy) const {
  return !limits_.empty() || std::ranges::any_of(busy, [](double share) { return share >= kSaturated; });
}

std::vector<SpeakerLimits::Change> SpeakerLimits::check(std::span<const double> busy,
                                                        const std::vector<Load>& loads) {
  std::vector<Change> changes;
  forgetEnded(loads);
  saturated_.resize(busy.size());
  relieved_.resize(busy.size());
  for (unsigned worker = 0; worker < busy.size(); ++worker) {
    saturated_[worker] = busy[worker] >= kSaturated ? saturated_[worker] + 1 : 0;
    relieved_[worker] = busy[worker] < kRelieved ? relieved_[worker] + 1 : 0;
    if (saturated_[worker] < kSaturatedChecks) continue;
    std::vector<Load> own;
    std::ranges::copy_if(loads, std::back_inserter(own),
                         [&](const Load& load) { return load.worker == worker; });
    lower(busy[worker], std::move(own), changes);
  }
  raise(loads, changes);
  return changes;
}

void SpeakerLimits::forgetEnded(const std::vector<Load>& loads) {
  std::erase_if(limits_, [&](const auto& limit) {
    return std::ranges::find(loads, limit.first, &Load::room) == loads.end();
  });
}

void SpeakerLimits::lower(double busy, std::vector<Load> loads, std::vector<Change>& changes) {
  std::ranges::sort(loads, std::greater(), &Load::packets_per_second);
  double surplus = 0;  // packets per second
  for (const Load& load : loads) surplus += load.packets_per_second * (1 - kTarget / busy);
  for (const Load& load : loads) {
    if (surplus < 1) return;
    const auto limit = limits_.find(load.room);
    const uint16_t most = limit == limits_.end() ? kNone : limit->second.speakers;
    const uint16_t heard = std::min(most, load.speakers);
    const bool changed = std::ranges::find(changes, load.room, &Change::room) != changes.end();
    if (heard < 2 || changed) continue;
    const auto step = static_cast<uint16_t>(std::max(1, heard / 4));
    const auto speakers = static_cast<uint16_t>(heard - step);
    limits_.try_emplace(load.room, Limit{heard, heard}).first->second.speakers = speakers;
    changes.push_back({load.room, speakers});
    surplus -= load.packets_per_second * step / heard;
  }
}

// False for a room that has no receivers on any worker.
bool SpeakerLimits::isRelieved(uint32_t room, const std::vector<Load>& loads) const {
  bool has_receivers = false;
  for (const Load& load : loads) {
    if (load.room != room || load.worker >= relieved_.size()) continue;
    if (relieved_[load.worker] < kRelievedChecks) return false;
    has_receivers = true;
  }
  return has_receivers;
}

void SpeakerLimits::raise(const std::vector<Load>& loads, std::vector<Change>& changes) {
  std::vector<unsigned> workers;  // whose rooms were raised
  for (auto& [room, limit] : limits_) {
    if (!isRelieved(room, loads)) continue;
    for (const Load& load : loads) {
      if (load.room == room && load.worker < relieved_.size()) workers.push_back(load.worker);
    }
    ++limit.speakers;
    changes.push_back({room, limit.speakers < limit.before ? limit.speakers : kNone});
  }
  std::erase_if(limits_, [](const auto& entry) { return entry.second.speakers >= entry.second.before; });
  for (const unsigned worker : workers) relieved_[worker] = 0;
}

}  // namespace sluice::control
