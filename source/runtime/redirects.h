// The clients whose datagrams arrive at one worker while another worker owns their session. An address is
// added after the owner has authenticated it, so that a check with a valid username and a wrong integrity
// adds none. Bounded by the number of players.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "source/rooms/player.h"
#include "source/runtime/tuple_key.h"
#include "source/runtime/tuples.h"

namespace sluice::runtime {

class Redirects {
 public:
  static constexpr size_t kMaxPerPlayer = Tuples::kMax;

  struct Target {
    unsigned owner;  // index of the worker
    const rooms::Player* player;
  };

  // When a player has kMaxPerPlayer, its oldest is replaced.
  void add(const TupleKey& key, const Target& target) {
    remove(key);
    std::vector<TupleKey>& keys = by_player_[target.player];
    if (keys.size() == kMaxPerPlayer) {
      targets_.erase(keys.front());
      keys.erase(keys.begin());
    }
    keys.push_back(key);
    targets_.emplace(key, target);
  }

  void remove(const rooms::Player& player) {
    const auto keys = by_player_.find(&player);
    if (keys == by_player_.end()) return;
    for (const TupleKey& key : keys->second) targets_.erase(key);
    by_player_.erase(keys);
  }

  std::optional<Target> find(const TupleKey& key) const {
    const auto it = targets_.find(key);
    return it == targets_.end() ? std::nullopt : std::optional(it->second);
  }

  const std::unordered_map<TupleKey, Target, TupleKeyHash>& all() const { return targets_; }

 private:
  void remove(const TupleKey& key) {
    const auto it = targets_.find(key);
    if (it == targets_.end()) return;
    std::erase(by_player_[it->second.player], key);
    targets_.erase(it);
  }

  std::unordered_map<TupleKey, Target, TupleKeyHash> targets_;
  std::unordered_map<const rooms::Player*, std::vector<TupleKey>> by_player_;  // oldest first
};

}  // namespace sluice::runtime
