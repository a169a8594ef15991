#include "source/control/history.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "source/control/decide.h"

namespace sluice::control {
namespace {

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

// A multiple of kInterval, because isDue() is called at these times.
Duration History::interval(size_t players) const {
  constexpr size_t kInTheSpan = kSpan / kInterval;
  return kInterval *
         std::max<int64_t>(1, static_cast<int64_t>((players * kInTheSpan + kMaxPlayers - 1) / kMaxPlayers));
}

bool History::isDue(size_t players) const {
  constexpr Duration kTimerError = 100ms;
  return samples_.empty() || clock_.now() - samples_.back().at >= interval(players) - kTimerError;
}

void History::add(Sample sample) {
  Known known{.at = sample.at, .players = {}, .rooms = std::move(sample.rooms), .size = 0};
  known.players.reserve(sample.players.size());
  for (Sample::Player& seen : sample.players) {
    const rooms::Player& player = *seen.player;
    Identity& identity = identities_.try_emplace(player.number).first->second;
    if (identity.samples++ == 0) identity = {player.room->number(), player.room->name(), player.id, 1};
    known.players.push_back({player.number, std::move(seen.evidence)});
  }
  std::ranges::sort(known.players, {}, &KnownPlayer::number);
  known.size = sizeOf(known);
  size_ += known.size;
  samples_.push_back(std::move(known));
  const Instant oldest = clock_.now() - kSpan;
  while (samples_.size() > 1 && (samples_.front().at < oldest || size_ > kMaxPlayers)) forgetFirst();
}

// Samples share the overrides of a room that have not changed.
size_t History::sizeOf(const Known& sample) const {
  size_t overrides = 0;
  for (const auto& [room, snapshot] : sample.rooms) {
    const auto before = samples_.empty() ? sample.rooms.end() : samples_.back().rooms.find(room);
    const bool is_shared = !samples_.empty() && before != samples_.back().rooms.end() &&
                           before->second->overrides == snapshot->overrides;
    if (!is_shared) overrides += snapshot->overrides->size();
  }
  return sample.players.size() + overrides / kOverrides;
}

void History::forgetFirst() {
  for (const KnownPlayer& player : samples_.front().players) {
    const auto it = identities_.find(player.number);
    if (--it->second.samples == 0) identities_.erase(it);
  }
  size_ -= samples_.front().size;
  samples_.pop_front();
}

double History::secondsSince1970(Instant at) const {
  return seconds(clock_.wall().time_since_epoch()) - seconds(clock_.now() - at);
}

const History::KnownPlayer* History::find(const Known& sample, std::string_view room,
                                          std::string_view id) const {
  for (const auto& [number, identity] : identities_) {
    if (identity.id != id || identity.room != room) continue;
    const auto it = std::ranges::lower_bound(sample.players, number, {}, &KnownPlayer::number);
    if (it != sample.players.end() && it->number == number) return &*it;
  }
  return nullptr;
}

Result<History::Past> History::find(double at, std::string_view room, std::string_view speaker,
                                    std::string_view listener) const {
  if (!std::isfinite(at)) return Error{"at", "must be a number of seconds"};
  const double now = seconds(clock_.wall().time_since_epoch());
  const double wanted = at <= 0 ? now + at : at;
  if (wanted > now) return Error{"at", "is in the future"};
  if (now - wanted > seconds(kSpan)) return Error{"at", "is more than ten minutes ago"};
  const auto later = std::ranges::find_if(
      samples_, [&](const Known& sample) { return secondsSince1970(sample.at) > wanted; });
  if (later == samples_.begin()) {
    if (samples_.empty()) return Error{"at", "is before the first sample; there is none yet"};
    const auto ago = static_cast<int64_t>(seconds(clock_.now() - samples_.front().at));
    return Error{"at", "is before the first sample, " + std::to_string(ago) + " seconds ago"};
  }
  const Known& sample = *std::prev(later);
  Past past{.evidence = {.same_player = speaker == listener}, .at = secondsSince1970(sample.at)};
  Evidence& evidence = past.evidence;
  const KnownPlayer* from = find(sample, room, speaker);
  const KnownPlayer* to = find(sample, room, listener);
  if (from != nullptr) {
    evidence.speaker = from->evidence;
    evidence.speaker_number = from->number;
  }
  if (to != nullptr) {
    evidence.listener = to->evidence;
    for (const uint32_t other : to->evidence.on_slots) {
      const auto it = std::ranges::lower_bound(sample.players, other, {}, &KnownPlayer::number);
      const bool was_there = it != sample.players.end() && it->number == other;
      if (was_there && other != evidence.speaker_number) {
        evidence.others_on_slots.push_back(identities_.at(other).id);
      }
    }
  }
  if (from == nullptr || to == nullptr) return past;
  const auto rules = sample.rooms.find(identities_.at(from->number).room_number);
  evidence.decision =
      decide(rules == sample.rooms.end() ? nullptr : rules->second, from->number, to->number, sample.at);
  return past;
}

}  // namespace sluice::control
