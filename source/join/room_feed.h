// Sends the subscribers of a room who is in it and who is talking, and then the changes. Main thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/base/clock.h"
#include "source/http/event_stream.h"
#include "source/rooms/directory.h"

namespace sluice::join {

// The part of a player's state that the others in the room see.
struct PlayerState {
  bool connected = false;   // the DTLS handshake is done
  bool microphone = false;  // a media section of the offer sends
  bool talking = false;     // rooms::isTalking()
  uint32_t csrc = 0;        // sent to receivers; 0: no voice yet
  bool operator==(const PlayerState&) const = default;
};

PlayerState stateOf(const rooms::Player& player, Instant now);

class RoomFeed {
 public:
  static constexpr Duration kInterval = 200ms;       // of publish(): at most one change event per stream
  static constexpr size_t kMaxPlayersInEvent = 150;  // larger rooms take several intervals

  // Both outlive the feed.
  RoomFeed(const rooms::Directory& directory, const Clock& clock) : directory_(directory), clock_(clock) {}

  // Sends the current state of the room, and its changes from then on, until the stream has ended.
  void subscribe(const std::string& room, std::shared_ptr<http::EventStream> stream);

  // Sends the changes since the last call. Rooms without subscribers cost nothing.
  void publish();

 private:
  using States = std::map<std::string, PlayerState, std::less<>>;  // by player

  struct Subscriber {
    std::shared_ptr<http::EventStream> stream;
    std::optional<std::string> listed_up_to{""};  // last player listed; nothing: all have been listed
  };
  struct Feed {
    States published;
    std::vector<Subscriber> subscribers;
  };

  States currentStates(const std::string& room) const;
  static void publishChanges(Feed& feed, const States& current);
  static void list(const Feed& feed, Subscriber& subscriber);

  const rooms::Directory& directory_;
  const Clock& clock_;
  std::map<std::string, Feed, std::less<>> feeds_;  // by room; only rooms with subscribers
};

}  // namespace sluice::join
