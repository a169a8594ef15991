#include "source/join/room_feed.h"

#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

namespace sluice::join {
namespace {

constexpr std::string_view kEvent = "room";

nlohmann::json describe(const std::string& id, const PlayerState& state) {
  return {{"id", id},
          {"connected", state.connected},
          {"microphone", state.microphone},
          {"talking", state.talking},
          {"csrc", state.csrc}};
}

}  // namespace

PlayerState stateOf(const rooms::Player& player, Instant now) {
  const rooms::Observed& observed = player.observed;
  return {.connected = observed.connected.load(std::memory_order_relaxed),
          .microphone = player.negotiated.sending.has_value(),
          .talking = rooms::isTalking(player, now),
          .csrc = observed.csrc.load(std::memory_order_relaxed)};
}

void RoomFeed::subscribe(const std::string& room, std::shared_ptr<http::EventStream> stream) {
  const auto [feed, is_new] = feeds_.try_emplace(room);
  if (is_new) feed->second.published = currentStates(room);
  list(feed->second, feed->second.subscribers.emplace_back(Subscriber{std::move(stream)}));
}

void RoomFeed::publish() {
  for (auto& [room, feed] : feeds_) {
    std::erase_if(feed.subscribers, [](const Subscriber& s) { return s.stream->ended(); });
  }
  std::erase_if(feeds_, [](const auto& feed) { return feed.second.subscribers.empty(); });
  for (auto& [room, feed] : feeds_) {
    publishChanges(feed, currentStates(room));
    for (Subscriber& subscriber : feed.subscribers) {
      if (subscriber.listed_up_to) list(feed, subscriber);
    }
  }
}

RoomFeed::States RoomFeed::currentStates(const std::string& room) const {
  States states;
  for (const rooms::PlayerPtr& player : directory_.players(room)) {
    states.emplace(player->id, stateOf(*player, clock_.now()));
  }
  return states;
}

void RoomFeed::publishChanges(Feed& feed, const States& current) {
  nlohmann::json players = nlohmann::json::array();
  nlohmann::json left = nlohmann::json::array();
  for (auto it = feed.published.begin(); it != feed.published.end() && left.size() < kMaxPlayersInEvent;) {
    const bool gone = !current.contains(it->first);
    if (gone) left.push_back(it->first);
    it = gone ? feed.published.erase(it) : std::next(it);
  }
  for (const auto& [id, state] : current) {
    if (players.size() + left.size() >= kMaxPlayersInEvent) break;
    const auto known = feed.published.find(id);
    if (known != feed.published.end() && known->second == state) continue;
    feed.published.insert_or_assign(id, state);
    players.push_back(describe(id, state));
  }
  if (players.empty() && left.empty()) return;
  const std::string event = nlohmann::json{{"all", false}, {"players", players}, {"left", left}}.dump();
  for (const Subscriber& subscriber : feed.subscribers) subscriber.stream->send(kEvent, event);
}

// Sends the next part of the room to a subscriber that has not seen all of it. Changes of players may be sent
// before those players are listed; both carry the state published last.
void RoomFeed::list(const Feed& feed, Subscriber& subscriber) {
  nlohmann::json players = nlohmann::json::array();
  const bool first = subscriber.listed_up_to->empty();  // no player has an empty name
  auto next = feed.published.upper_bound(*subscriber.listed_up_to);
  for (; next != feed.published.end() && players.size() < kMaxPlayersInEvent; ++next) {
    players.push_back(describe(next->first, next->second));
    subscriber.listed_up_to = next->first;
  }
  if (next == feed.published.end()) subscriber.listed_up_to.reset();
  subscriber.stream->send(
      kEvent, nlohmann::json{{"all", first}, {"players", players}, {"left", nlohmann::json::array()}}.dump());
}

}  // namespace sluice::join
