#include "source/control/player_watch.h"

#include <algorithm>
#include <chrono>

namespace sluice::control {
namespace {

constexpr unsigned kQualityEvery = 20;  // checks: once a second
constexpr unsigned kQualityHold = 3;    // checks of the quality until a new level is reported

Quality qualityOf(const rooms::LineQuality& line) {
  const double in = line.uplinkLoss(), out = line.downlinkLoss();
  const double loss = std::max(in, out);
  const Duration rtt = line.roundTrip();
  Quality quality;
  quality.set_level(loss >= 0.1 || rtt >= 400ms    ? Quality::POOR
                    : loss >= 0.03 || rtt >= 200ms ? Quality::FAIR
                                                   : Quality::GOOD);
  quality.set_loss_in_percent(100 * in);
  quality.set_loss_out_percent(100 * out);
  quality.set_rtt_ms(std::chrono::duration<double, std::milli>(rtt).count());
  return quality;
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

// A player of a process that was taken over is connected already, and may be speaking.
void PlayerWatch::onJoined(const rooms::PlayerPtr& player) {
  players_[player->number] = {.player = player,
                              .connected = isConnected(*player),
                              .speaking = rooms::isTalking(*player, clock_.now())};
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
    if (!watched.connected && isConnected(player)) {
      watched.connected = true;
      report(EventKind::kConnected, player);
    }
    if (watched.speaking != rooms::isTalking(player, now)) {
      watched.speaking = !watched.speaking;
      report(watched.speaking ? EventKind::kSpeakingStarted : EventKind::kSpeakingStopped, player);
    }
    if (watched.muted_until != Instant{} && watched.muted_until <= now) setMuted(number, Instant{});
    if (with_quality) checkQuality(watched);
  }
}

void PlayerWatch::setMuted(uint32_t number, Instant until) {
  const auto found = players_.find(number);
  if (found == players_.end()) return;
  Watched& watched = found->second;
  const Instant now = clock_.now();
  if (until <= now) until = Instant{};
  if (watched.muted_until == until) return;
  watched.muted_until = until;
  Event event = eventOf(*watched.player);
  if (until != Instant{} && until != Instant::max()) {
    event.set_ends_in_s(std::chrono::duration<double>(until - now).count());
  }
  events_.add(until == Instant{} ? EventKind::kUnmuted : EventKind::kMuted, event);
}

void PlayerWatch::checkQuality(Watched& watched) {
  const Quality quality = qualityOf(watched.player->line);
  if (quality.level() == watched.level) {
    watched.other_level_for = 0;
    return;
  }
  if (++watched.other_level_for < kQualityHold) return;
  watched.level = quality.level();
  watched.other_level_for = 0;
  Event event = eventOf(*watched.player);
  *event.mutable_quality() = quality;
  events_.add(EventKind::kQuality, event);
}

}  // namespace sluice::control
