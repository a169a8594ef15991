// Maps an ICE check to its player: the ICE credentials that signalling gave to players, on one worker.
// Bounded by the number of players.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "source/rooms/player.h"

namespace sluice::runtime {

class IceTable {
 public:
  static constexpr size_t kMaxPerPlayer = 2;  // those of an ICE restart and the previous ones

  struct Entry {
    rooms::PlayerPtr player;
    rooms::IceCredentials ice;
  };

  // When another ICE restart adds a player's third credentials, the oldest become invalid.
  void add(const rooms::PlayerPtr& player, const rooms::IceCredentials& ice);
  void remove(const rooms::Player& player);
  // A check with the credentials of this ufrag has been authenticated: older ones become invalid.
  void invalidateOlder(const rooms::Player& player, std::string_view ufrag);

  // Null if no player has credentials with this ufrag. Valid until the next change.
  const Entry* find(std::string_view ufrag) const;

  // The player whose first ufrag this is, even if it is no longer valid for checks: workers and processes
  // identify players by it. Null if there is none.
  rooms::PlayerPtr playerNamed(std::string_view first_ufrag) const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  template <typename Value>
  using ByText = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;
  struct Known {
    rooms::PlayerPtr player;
    std::vector<std::string> ufrags;  // the valid ones, oldest first
  };

  ByText<Entry> by_ufrag_;
  ByText<Known> players_;  // by first ufrag
};

}  // namespace sluice::runtime
