// Reports what happens to players as events: they join, connect, speak, are muted, and leave. Main thread.
#pragma once

#include <cstdint>
#include <map>

#include "source/base/archive.h"
#include "source/base/clock.h"
#include "source/control/event_log.h"
#include "source/rooms/directory.h"

namespace sluice::control {

class PlayerWatch final : private rooms::Observer {
 public:
  static constexpr Duration kInterval = 50ms;  // of check()

  // Observes `directory`. All of them outlive the object.
  PlayerWatch(rooms::Directory& directory, const Clock& clock, EventLog& events);
  ~PlayerWatch() override { directory_.removeObserver(*this); }
  PlayerWatch(const PlayerWatch&) = delete;
  PlayerWatch& operator=(const PlayerWatch&) = delete;

  // Reports what the workers have observed since the last call, and mutes that have ended.
  void check();
  // The player with this number is muted until then; a time in the past ends the mute.
  void setMuted(uint32_t number, Instant until);
  // For a takeover: what was reported of each player. Read after the directory has its players.
  void archive(Archive& a);

 private:
  // The last reported state of a player.
  struct Reported {
    bool connected = false;
    bool speaking = false;
    Instant muted_until{};
    uint8_t level = Quality::GOOD;
    void archive(Archive& a) { a(connected, speaking, muted_until, level); }
  };
  struct Watched {
    rooms::PlayerPtr player;
    Reported reported{};
    unsigned other_level_for = 0;  // checks of the quality in a row
  };

  void onJoined(const rooms::PlayerPtr& player) override;
  void onLeft(const rooms::PlayerPtr& player) override;

  void checkQuality(Watched& watched);
  void report(EventKind kind, const rooms::Player& player);

  rooms::Directory& directory_;
  const Clock& clock_;
  EventLog& events_;
  std::map<uint32_t, Watched> players_;  // by number
  unsigned checks_ = 0;
};

}  // namespace sluice::control
