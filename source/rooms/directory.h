// The authoritative list of rooms and players. Main thread only; workers keep replicas that an Observer
// updates.
#pragma once

#include <climits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "source/base/clock.h"
#include "source/base/result.h"
#include "source/rooms/player.h"
#include "source/rooms/room.h"

namespace sluice::rooms {

struct Limits {
  unsigned rooms = UINT_MAX;
  unsigned players_per_room = UINT_MAX;
  unsigned players = UINT_MAX;
  Duration connect_timeout = 30s;  // a player whose DTLS handshake is not done by then is removed
};

class Observer {
 public:
  virtual ~Observer() = default;
  virtual void onJoined(const PlayerPtr& player) = 0;
  virtual void onLeft(const PlayerPtr& player) = 0;
  // These credentials are now valid for the player too.
  virtual void onIceRestart(const PlayerPtr& /*player*/, const IceCredentials& /*local*/) {}
  virtual void onAdvised(const PlayerPtr& /*player*/, const VoiceProfile& /*profile*/) {}
};

class Directory {
 public:
  Directory(Limits limits, unsigned workers, const Clock& clock);

  // Not owned; called on the main thread, synchronously.
  void addObserver(Observer& observer);
  void removeObserver(Observer& observer) { std::erase(observers_, &observer); }

  // Adds a player. An existing player with the same room and id leaves first: a rejoin wins. The error's path
  // is "room" or "player".
  Result<PlayerPtr> join(std::string_view room, std::string_view id, Negotiated negotiated);

  // The client of `player`, who is in the directory, restarts ICE on its connection (RFC 8445 section 9). The
  // session continues; from its next check on it uses `local`, which are the server's credentials.
  void restartIce(const PlayerPtr& player, const IceCredentials& local, const IceCredentials& remote);

  // False when `player` is not, or no longer, in the directory. Sets player->departure.
  bool leave(const PlayerPtr& player, Departure departure = Departure::kLeft);

  PlayerPtr find(std::string_view room, std::string_view id) const;

  struct RoomView {
    std::shared_ptr<Room> room;
    std::vector<PlayerPtr> players;  // by id
  };
  std::vector<RoomView> rooms() const;
  std::vector<PlayerPtr> players(std::string_view room) const;

  // A worker received voice from the player with `ssrc`. Sets observed.ssrc and observed.csrc; if another
  // player of the room already has that csrc, this one gets a new one. Returns true on such a conflict.
  bool bindSsrc(const PlayerPtr& player, uint32_t ssrc);

  // Recommends a voice profile to the player. Does nothing if the player has left.
  void advise(const PlayerPtr& player, const VoiceProfile& profile);

  uint64_t ssrcConflicts() const { return ssrc_conflicts_; }

  // Removes players that did not connect in time. Call about once a second.
  void expire();

  // For a handover, while no worker runs; read into an empty directory, which notifies its observers.
  void archive(Archive& a);

  // Takes effect for later joins.
  void setLimits(Limits limits) { limits_ = limits; }

 private:
  struct Member {
    PlayerPtr player;
    Instant joined;
  };
  struct Members {
    std::shared_ptr<Room> room;
    std::map<std::string, Member, std::less<>> by_id;
  };

  Members& roomFor(std::string_view name);

  Limits limits_;
  const unsigned workers_;
  const Clock& clock_;
  std::vector<Observer*> observers_;
  std::map<std::string, Members, std::less<>> rooms_;
  size_t player_count_ = 0;
  uint64_t ssrc_conflicts_ = 0;
};

}  // namespace sluice::rooms
