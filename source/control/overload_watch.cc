#include "source/control/overload_watch.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <climits>
#include <iterator>
#include <utility>

#include "source/base/log.h"

namespace sluice::control {
namespace {

constexpr unsigned kNoWorker = UINT_MAX;

uint16_t speakersHeard(const rooms::Player& player) {
  const auto free = std::ranges::count(player.slot_speakers, 0U, [](const std::atomic<uint32_t>& speaker) {
    return speaker.load(std::memory_order_relaxed);
  });
  return static_cast<uint16_t>(std::ssize(player.slot_speakers) - free);
}

}  // namespace

void OverloadWatch::check() {
  const std::vector<double> busy = busy_();
  if (!limits_.needsLoads(busy)) {
    sent_.clear();
    limits_.check(busy, {});
    return;
  }
  for (const SpeakerLimits::Change& change : limits_.check(busy, loads())) apply(change);
}

// Packets are counted between two calls, so the first loads after a pause are 0.
std::vector<SpeakerLimits::Load> OverloadWatch::loads() {
  const bool is_first = sent_.empty();
  const double seconds = std::chrono::duration<double>(clock_.now() - counted_).count();
  counted_ = clock_.now();
  std::unordered_map<uint32_t, uint64_t> sent;
  std::vector<SpeakerLimits::Load> loads;
  for (const rooms::Directory::RoomView& view : directory_.rooms()) {
    const size_t first = loads.size();
    loads.push_back({view.room->number(), kNoWorker});  // it exists
    for (const rooms::PlayerPtr& player : view.players) {
      const uint64_t total = player->observed.packets_out.load(std::memory_order_relaxed);
      const auto before = sent_.find(player->number);
      const uint64_t packets = is_first || before == sent_.end() ? 0 : total - before->second;
      sent.emplace(player->number, total);
      const int32_t worker = player->observed.worker.load(std::memory_order_relaxed);
      if (worker < 0) continue;
      auto part =
          std::find_if(loads.begin() + static_cast<ptrdiff_t>(first), loads.end(),
                       [&](const auto& load) { return load.worker == static_cast<unsigned>(worker); });
      if (part == loads.end()) {
        part = loads.insert(part, {view.room->number(), static_cast<unsigned>(worker)});
      }
      part->packets_per_second += static_cast<double>(packets) / seconds;
      part->speakers = std::max(part->speakers, speakersHeard(*player));
    }
  }
  sent_ = std::move(sent);
  return loads;
}

void OverloadWatch::apply(const SpeakerLimits::Change& change) {
  const auto rooms = directory_.rooms();
  const auto view =
      std::ranges::find_if(rooms, [&](const auto& one) { return one.room->number() == change.room; });
  if (view == rooms.end()) return;
  rooms::Room& room = *view->room;
  const bool ends = change.limit == SpeakerLimits::kNone;
  ++(change.limit < room.speakerLimit() ? lowered_ : raised_);
  room.limitSpeakers(change.limit);
  Event event;
  event.set_room(room.name());
  if (ends) {
    log::info("players in {} hear as many speakers as before the overload", room.name());
  } else {
    log::warn("overload: players in {} hear at most {} speakers", room.name(), change.limit);
    event.set_max_speakers(change.limit);
  }
  events_.add(ends ? EventKind::kOverloadEnded : EventKind::kOverload, std::move(event));
}

void OverloadWatch::collect(stats::Samples& out) const {
  out.gauge("sluice_overload_limited_rooms",
            "Rooms whose players hear fewer speakers because a worker is saturated.", {},
            static_cast<double>(limits_.limited()));
  const auto steps = [&](const char* direction, uint64_t count) {
    out.counter("sluice_overload_steps_total",
                "Changes of the number of speakers in a room because of overload, by direction.",
                {{"direction", direction}}, static_cast<double>(count));
  };
  steps("down", lowered_);
  steps("up", raised_);
}

}  // namespace sluice::control
