#include "source/control/player_watch.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace sluice::control {
namespace {

constexpr unsigned kQualityEvery = 20;  // checks: once a second
constexpr unsigned kQualityHold = 3;    // checks of the quality until a new level is reported

Quality::Level levelOf(const rooms::LineQuality& line) {
  const double loss = std::max(line.uplinkLoss(), line.downlinkLoss());
  const Duration rtt = line.roundTrip();
  if (loss >= 0.1 || rtt >= 400ms) return Quality::POOR;
  if (loss >= 0.03 || rtt >= 200ms) return Quality::FAIR;
  return Quality::GOOD;
}

Event eventOf(const rooms::Player& player) {
  Event event;
  event.set_room(player.room->name());
  event.set_player(player.id);
  return event;
}

bool isConnected(const rooms::Player& player) {
  return player.observed.connected.load(std::memory_order_relaxed);
}

}  // namespace

PlayerWatch::PlayerWatch(rooms::Directory& directory, const Clock& clock, EventLog& events)
    : directory_(directory), clock_(clock), events_(events) {
  directory_.addObserver(*this);
}

void PlayerWatch::report(EventKind kind, const rooms::Player& player) {
  events_.add(kind, eventOf(player));
}

void PlayerWatch::onJoined(const rooms::PlayerPtr& player) {
  players_[player->number] = {.player = player};
  report(EventKind::kJoined, *player);
}

void PlayerWatch::onLeft(const rooms::PlayerPtr& player) {
  players_.erase(player->number);
  Event event = eventOf(*player);
  event.set_reason(std::string(rooms::name(player->departure)));
  events_.add(EventKind::kLeft, event);
}

void PlayerWatch::check() {
  const Instant now = clock_.now();
  const bool with_quality = ++checks_ % kQualityEvery == 0;
  for (auto& [number, watched] : players_) {
    const rooms::Player& player = *watched.player;
    if (!watched.reported.connected && isConnected(player)) {
      watched.reported.connected = true;
      report(EventKind::kConnected, player);
    }
    if (watched.reported.speaking != rooms::isTalking(player, now)) {
      watched.reported.speaking = !watched.reported.speaking;
      report(watched.reported.speaking ? EventKind::kSpeakingStarted : EventKind::kSpeakingStopped, player);
    }
    if (watched.reported.muted_until != Instant{} && watched.reported.muted_until <= now)
      setMuted(number, Instant{});
    if (with_quality) checkQuality(watched);
  }
}

void PlayerWatch::setMuted(uint32_t number, Instant until) {
  const auto found = players_.find(number);
  if (found == players_.end()) return;
  Watched& watched = found->second;
  const Instant now = clock_.now();
  if (until <= now) until = Instant{};
  if (watched.reported.muted_until == until) return;
  watched.reported.muted_until = until;
  Event event = eventOf(*watched.player);
  if (until != Instant{} && until != Instant::max()) {
    event.set_ends_in_s(std::chrono::duration<double>(until - now).count());
  }
  events_.add(until == Instant{} ? EventKind::kUnmuted : EventKind::kMuted, event);
}

void PlayerWatch::checkQuality(Watched& watched) {
  const rooms::LineQuality& line = watched.player->line;
  const Quality::Level level = levelOf(line);
  if (level == watched.reported.level) {
    watched.other_level_for = 0;
    return;
  }
  if (++watched.other_level_for < kQualityHold) return;
  watched.reported.level = static_cast<uint8_t>(level);
  watched.other_level_for = 0;
  Event event = eventOf(*watched.player);
  Quality& quality = *event.mutable_quality();
  quality.set_level(level);
  quality.set_loss_in_percent(100 * line.uplinkLoss());
  quality.set_loss_out_percent(100 * line.downlinkLoss());
  quality.set_rtt_ms(std::chrono::duration<double, std::milli>(line.roundTrip()).count());
  events_.add(EventKind::kQuality, std::move(event));
}

void PlayerWatch::archive(Archive& a) {
  std::map<uint32_t, Reported> all;
  for (const auto& [number, watched] : players_) all[number] = watched.reported;
  a(all);
  if (!a.isReading()) return;
  for (const auto& [number, reported] : all) {
    const auto known = players_.find(number);
    if (known != players_.end()) known->second.reported = reported;
  }
}

}  // namespace sluice::control
