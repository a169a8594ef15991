// The ICE credentials that signalling gave to players, on one worker: which player a check is for. Bounded by
// the number of players.
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
  static constexpr size_t kMaxPerPlayer = 2;  // those of an ICE restart, and the ones before it

  struct Entry {
    rooms::PlayerPtr player;
    rooms::IceCredentials ice;
  };

  // With a player's third credentials, which come with another ICE restart, its oldest are void.
  void add(const rooms::PlayerPtr& player, const rooms::IceCredentials& ice);
  void remove(const rooms::Player& player);
  // A check has proven that the client uses the credentials with this ufrag: its older ones are void.
  void prove(const rooms::Player& player, std::string_view ufrag);

  // Null when no player has credentials with this ufrag. Valid until the next change.
  const Entry* find(std::string_view ufrag) const;

  template <typename Visit>
  void forEach(Visit visit) const {
    for (const auto& [ufrag, entry] : by_ufrag_) visit(entry);
  }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  std::unordered_map<std::string, Entry, Hash, std::equal_to<>> by_ufrag_;
  std::unordered_map<const rooms::Player*, std::vector<std::string>> ufrags_;  // of a player, oldest first
};

}  // namespace sluice::runtime
