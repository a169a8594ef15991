#include "source/server/room_views.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

namespace sluice::server {
namespace {

using nlohmann::json;

constexpr int kQuietestDbov = -127;

struct Summary {
  std::string room;
  size_t players = 0;
  size_t connected = 0;
  size_t talking = 0;
  size_t lossy = 0;
};

template <typename T>
T read(const std::atomic<T>& value) {
  return value.load(std::memory_order_relaxed);
}

bool isLossy(const rooms::Player& player) {
  return std::max(player.line.downlinkLoss(), player.line.uplinkLoss()) >= RoomViews::kLossy;
}

Summary summaryOf(const rooms::Directory::RoomView& view, Instant now) {
  Summary out{.room = view.room->name(), .players = view.players.size()};
  for (const rooms::PlayerPtr& player : view.players) {
    out.connected += read(player->observed.connected) ? 1 : 0;
    out.talking += rooms::isTalking(*player, now) ? 1 : 0;
    out.lossy += isLossy(*player) ? 1 : 0;
  }
  return out;
}

json describe(const rooms::Player& player, Instant now) {
  const rooms::Observed& observed = player.observed;
  const bool talking = rooms::isTalking(player, now);
  const auto percent = [](double share) { return std::round(share * 1000) / 10; };
  const int32_t worker = read(observed.worker);
  return {{"id", player.id},
          {"connected", read(observed.connected)},
          {"microphone", player.negotiated.sending.has_value()},
          {"slots", player.negotiated.slots.size()},
          {"talking", talking},
          {"level_dbov", talking ? json(kQuietestDbov + read(observed.loudness)) : json()},
          {"packets_in", read(observed.packets_in)},
          {"packets_out", read(observed.packets_out)},
          {"rtt_ms", std::chrono::duration<double, std::milli>(player.line.roundTrip()).count()},
          {"loss_percent", percent(player.line.downlinkLoss())},
          {"uplink_loss_percent", percent(player.line.uplinkLoss())},
          {"worker", worker < 0 ? json() : json(worker)}};
}

}  // namespace

json RoomViews::rooms(size_t limit) const {
  const Instant now = clock_.now();
  std::vector<Summary> all;
  size_t players = 0, lossy = 0;
  for (const auto& view : directory_.rooms()) {
    const Summary& room = all.emplace_back(summaryOf(view, now));
    players += room.players;
    lossy += room.lossy;
  }
  const auto urgency = [](const Summary& room) { return std::pair(room.lossy, room.players); };
  std::ranges::stable_sort(all, std::greater{}, urgency);
  json list = json::array();
  for (const Summary& room : all) {
    if (list.size() == limit) break;
    list.push_back({{"room", room.room},
                    {"players", room.players},
                    {"connected", room.connected},
                    {"talking", room.talking},
                    {"lossy", room.lossy}});
  }
  return {{"total", all.size()}, {"players", players}, {"lossy", lossy}, {"rooms", std::move(list)}};
}

std::optional<json> RoomViews::room(std::string_view name, size_t limit) const {
  const std::vector<rooms::PlayerPtr> players = directory_.players(name);
  if (players.empty()) return std::nullopt;
  const Instant now = clock_.now();
  json list = json::array();
  for (const rooms::PlayerPtr& player : players) {
    if (list.size() == limit) break;
    list.push_back(describe(*player, now));
  }
  return json{{"room", name}, {"total", players.size()}, {"players", std::move(list)}};
}

}  // namespace sluice::server
