#include "source/rooms/directory.h"

#include <utility>

#include "source/base/random.h"

namespace sluice::rooms {

Directory::Directory(Limits limits, unsigned workers, const Clock& clock)
    : limits_(limits), workers_(workers), clock_(clock) {}

void Directory::addObserver(Observer& observer) {
  observers_.push_back(&observer);
}

Result<PlayerPtr> Directory::join(std::string_view room, std::string_view id, Negotiated negotiated) {
  const auto members = rooms_.find(room);
  const bool room_exists = members != rooms_.end();
  const bool rejoin = room_exists && members->second.by_id.contains(id);
  if (!rejoin) {
    if (!room_exists && rooms_.size() >= limits_.rooms) return Error{"room", "too many rooms"};
    if (limits_.players_per_room <= (room_exists ? members->second.by_id.size() : 0)) {
      return Error{"room", "the room is full"};
    }
    if (player_count_ >= limits_.players) return Error{"player", "too many players"};
  }
  Members& joined = roomFor(room);
  auto player = std::make_shared<Player>(joined.room, std::string(id), std::move(negotiated));
  Member& member = joined.by_id[player->id];
  const PlayerPtr replaced = std::exchange(member.player, player);
  member.joined = clock_.now();
  if (!replaced) ++player_count_;
  if (replaced) replaced->departure = Departure::kReplaced;

  // Observers see a directory that is already updated, and the old player leaves before the new one joins.
  for (Observer* observer : observers_) {
    if (replaced) observer->onLeft(replaced);
  }
  for (Observer* observer : observers_) observer->onJoined(player);
  return player;
}

Directory::Members& Directory::roomFor(std::string_view name) {
  const auto known = rooms_.find(name);
  if (known != rooms_.end()) return known->second;
  auto room = std::make_shared<Room>(std::string(name), workers_);
  return rooms_.emplace(name, Members{.room = std::move(room), .by_id = {}}).first->second;
}

bool Directory::leave(const PlayerPtr& player, Departure departure) {
  const auto members = rooms_.find(player->room->name());
  if (members == rooms_.end()) return false;
  auto& by_id = members->second.by_id;
  const auto member = by_id.find(player->id);
  if (member == by_id.end() || member->second.player != player) return false;

  const PlayerPtr leaving = player;  // `player` may refer to the very pointer that is erased
  leaving->departure = departure;
  by_id.erase(member);
  --player_count_;
  if (by_id.empty()) rooms_.erase(members);
  for (Observer* observer : observers_) observer->onLeft(leaving);
  return true;
}

void Directory::restartIce(const PlayerPtr& player, const IceCredentials& local,
                           const IceCredentials& remote) {
  Signalled& signalled = player->signalled;
  signalled.local = {signalled.local.back(), local};
  signalled.remote = remote;
  for (Observer* observer : observers_) observer->onIceRestart(player, local);
}

PlayerPtr Directory::find(std::string_view room, std::string_view id) const {
  const auto members = rooms_.find(room);
  if (members == rooms_.end()) return nullptr;
  const auto member = members->second.by_id.find(id);
  return member == members->second.by_id.end() ? nullptr : member->second.player;
}

std::vector<Directory::RoomView> Directory::rooms() const {
  std::vector<RoomView> views;
  views.reserve(rooms_.size());
  for (const auto& [name, members] : rooms_) views.push_back({members.room, players(name)});
  return views;
}

std::vector<PlayerPtr> Directory::players(std::string_view room) const {
  std::vector<PlayerPtr> players;
  if (const auto members = rooms_.find(room); members != rooms_.end()) {
    players.reserve(members->second.by_id.size());
    for (const auto& [id, member] : members->second.by_id) players.push_back(member.player);
  }
  return players;
}

bool Directory::bindSsrc(const PlayerPtr& player, uint32_t ssrc) {
  if (find(player->room->name(), player->id) != player) return false;
  Observed& observed = player->observed;
  const bool bound = observed.csrc.load(std::memory_order_relaxed) != 0;
  if (bound && observed.ssrc.load(std::memory_order_relaxed) == ssrc) return false;

  const auto& by_id = rooms_.find(player->room->name())->second.by_id;
  const auto taken = [&](uint32_t csrc) {
    for (const auto& [id, member] : by_id) {
      const bool other = member.player != player;
      if (other && member.player->observed.csrc.load(std::memory_order_relaxed) == csrc) return true;
    }
    return false;
  };
  const bool conflict = taken(ssrc);
  if (conflict) ++ssrc_conflicts_;
  uint32_t csrc = ssrc;
  while (csrc == 0 || taken(csrc)) csrc = randomU32();
  observed.csrc.store(csrc, std::memory_order_relaxed);
  observed.ssrc.store(ssrc, std::memory_order_relaxed);
  return conflict;
}

void Directory::advise(const PlayerPtr& player, const VoiceProfile& profile) {
  if (find(player->room->name(), player->id) != player) return;
  player->advice = profile;
  for (Observer* observer : observers_) observer->onAdvised(player, profile);
}

void Directory::expire() {
  const Instant deadline = clock_.now() - limits_.connect_timeout;
  std::vector<PlayerPtr> expired;
  for (const auto& [name, members] : rooms_) {
    for (const auto& [id, member] : members.by_id) {
      const bool connected = member.player->observed.connected.load(std::memory_order_relaxed);
      if (!connected && member.joined <= deadline) expired.push_back(member.player);
    }
  }
  for (const PlayerPtr& player : expired) leave(player, Departure::kNotConnected);
}

namespace {

struct SavedPlayer {
  std::string room, id;
  Negotiated negotiated;
  uint32_t number = 0;
  Instant joined{};
  void archive(Archive& a) { a(room, id, negotiated, number, joined); }
};

}  // namespace

void Directory::archive(Archive& a) {
  std::vector<std::pair<PlayerPtr, Instant>> all;
  for (const auto& [name, members] : rooms_) {
    for (const auto& [id, member] : members.by_id) all.emplace_back(member.player, member.joined);
  }
  uint32_t last = Player::last_number, count = static_cast<uint32_t>(all.size());
  a(last, ssrc_conflicts_, count);
  if (a.isReading()) Player::last_number = last;
  for (uint32_t i = 0; i < count && a.ok(); ++i) {
    SavedPlayer saved;
    PlayerPtr player = a.isReading() ? nullptr : all[i].first;
    if (player != nullptr) {
      saved = {player->room->name(), player->id, player->negotiated, player->number, all[i].second};
    }
    a(saved);
    if (a.isReading()) {
      Members& members = roomFor(saved.room);
      player = std::make_shared<Player>(members.room, saved.id, std::move(saved.negotiated), saved.number);
      members.by_id[saved.id] = {player, saved.joined};
      ++player_count_;
    }
    a(player->observed, player->line, player->slot_sequences, player->advice, player->signalled);
    if (!a.isReading()) continue;
    player->slot_sequences.resize(player->negotiated.slots.size());
    for (Observer* observer : observers_) observer->onJoined(player);
  }
}

}  // namespace sluice::rooms
