#include "source/join/audible_feed.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "source/audibility/decider.h"
#include "source/audibility/rendering.h"

namespace sluice::join {
namespace {

constexpr std::string_view kEvent = "audible";
constexpr Duration kTimerError = 2ms;  // of the calls of publish()

// Rounds to a multiple of 1 / parts. The quotient of integers has a short decimal form in JSON.
double roundTo(double parts, double value) {
  return std::round(value * parts) / parts;
}

double roundToThreeDigits(double value) {
  if (value <= 0) return 0;
  const double exponent = 2 - std::floor(std::log10(value));
  if (exponent >= 0) return roundTo(std::pow(10, exponent), value);
  const double step = std::pow(10, -exponent);
  return std::round(value / step) * step;
}

}  // namespace

void AudibleFeed::subscribe(rooms::PlayerPtr player, std::shared_ptr<http::EventStream> stream,
                            unsigned rate) {
  const size_t slots = player->negotiated.slots.size();
  Subscriber& subscriber = subscribers_.emplace_back(
      Subscriber{std::move(player), std::move(stream), Duration(1s) / rate, {}, std::vector<Shown>(slots)});
  sendChanges(subscriber, true);
}

void AudibleFeed::publish() {
  std::erase_if(subscribers_, [](const Subscriber& s) { return s.stream->ended(); });
  const Instant now = clock_.now();
  for (Subscriber& subscriber : subscribers_) {
    if (now >= subscriber.next && subscriber.stream->pending() == 0) sendChanges(subscriber, false);
  }
}

void AudibleFeed::forget(const rooms::Player& player) {
  for (Subscriber& subscriber : subscribers_) {
    if (subscriber.player->room != player.room) continue;
    for (size_t slot = 0; slot < subscriber.shown.size(); ++slot) {
      // The next publish() looks the speaker up again, and does not find it.
      if (subscriber.shown[slot].speaker == player.number) subscriber.shown[slot].speaker = 0;
    }
  }
}

void AudibleFeed::sendChanges(Subscriber& subscriber, bool all) {
  const rooms::Player& player = *subscriber.player;
  const audibility::SnapshotPtr snapshot = snapshots_(player.room->name());
  nlohmann::json slots = nlohmann::json::array();
  for (size_t i = 0; i < subscriber.shown.size(); ++i) {
    Shown shown = show(player, i, subscriber.shown[i], snapshot.get());
    const bool changed = shown.id != subscriber.shown[i].id || shown.rendered != subscriber.shown[i].rendered;
    subscriber.shown[i] = std::move(shown);
    if (!changed && !all) continue;
    const Shown& now = subscriber.shown[i];
    nlohmann::json& slot = slots.emplace_back(nlohmann::json{{"mid", player.negotiated.slots[i].mid}});
    if (now.id.empty()) continue;
    slot["player"] = now.id;
    if (!now.rendered) continue;
    slot["gain"] = now.rendered->gain;
    if (now.rendered->low_pass_hz > 0) slot["low_pass_hz"] = now.rendered->low_pass_hz;
    if (now.rendered->azimuth) slot["azimuth"] = *now.rendered->azimuth;
    if (now.rendered->elevation) slot["elevation"] = *now.rendered->elevation;
    if (now.rendered->distance) slot["distance"] = *now.rendered->distance;
  }
  if (slots.empty() && !all) return;
  subscriber.next = clock_.now() + subscriber.interval - kTimerError;
  subscriber.stream->send(kEvent, nlohmann::json{{"all", all}, {"slots", std::move(slots)}}.dump());
}

AudibleFeed::Shown AudibleFeed::show(const rooms::Player& receiver, size_t slot, const Shown& before,
                                     const audibility::Snapshot* snapshot) const {
  const uint32_t speaker = receiver.slot_speakers[slot].load(std::memory_order_relaxed);
  if (speaker == 0) return {};
  Shown shown{.speaker = speaker};
  if (snapshot != nullptr) {
    const bool was_heard = speaker != before.speaker || before.rendered.has_value();
    shown.rendered = render(*snapshot, speaker, receiver.number, was_heard);
    if (!shown.rendered) return shown;
  }
  // In a room without rules, a speaker who was not found has left.
  const bool is_known = speaker == before.speaker && (snapshot == nullptr || !before.id.empty());
  shown.id = is_known ? before.id : idOf(*receiver.room, speaker);
  if (shown.id.empty()) shown.rendered.reset();
  return shown;
}

// Absent if the receiver does not hear the speaker. The first packet takes the slot, so a speaker that is new
// on it was heard.
std::optional<AudibleFeed::Rendered> AudibleFeed::render(const audibility::Snapshot& snapshot,
                                                         uint32_t speaker, uint32_t receiver,
                                                         bool was_heard) const {
  const uint32_t from = snapshot.find(speaker), to = snapshot.find(receiver);
  if (from == audibility::NumberMap::kAbsent || to == audibility::NumberMap::kAbsent) return std::nullopt;
  const audibility::Decider decider(snapshot, from, clock_.now());
  audibility::Decision decision = decider.decide(to);
  if (!decision.audible && was_heard) decision = decider.decide(to, decision.rule);  // within hysteresis
  if (!decision.audible) return std::nullopt;
  const Rendering exact =
      audibility::renderingOf(snapshot, snapshot.players[from], snapshot.players[to], decision);
  Rendered out{.gain = roundTo(1000, exact.gain), .low_pass_hz = std::round(exact.low_pass_hz)};
  if (!std::isfinite(exact.distance)) return out;
  out.azimuth = roundTo(2, exact.azimuth);
  out.elevation = roundTo(2, exact.elevation);
  out.distance = roundToThreeDigits(exact.distance);
  return out;
}

std::string AudibleFeed::idOf(const rooms::Room& room, uint32_t number) const {
  for (const rooms::PlayerPtr& player : directory_.players(room.name())) {
    if (player->number == number) return player->id;
  }
  return "";
}

}  // namespace sluice::join
