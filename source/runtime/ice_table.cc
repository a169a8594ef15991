#include "source/runtime/ice_table.h"

#include <algorithm>

namespace sluice::runtime {

void IceTable::add(const rooms::PlayerPtr& player, const rooms::IceCredentials& ice) {
  if (!by_ufrag_.try_emplace(ice.ufrag, Entry{player, ice}).second) return;
  Known& known = players_.try_emplace(player->negotiated.local.ufrag, Known{player, {}}).first->second;
  std::vector<std::string>& ufrags = known.ufrags;
  ufrags.push_back(ice.ufrag);
  if (ufrags.size() <= kMaxPerPlayer) return;
  by_ufrag_.erase(ufrags.front());
  ufrags.erase(ufrags.begin());
}

void IceTable::remove(const rooms::Player& player) {
  const auto known = players_.find(player.negotiated.local.ufrag);
  if (known == players_.end()) return;
  for (const std::string& ufrag : known->second.ufrags) by_ufrag_.erase(ufrag);
  players_.erase(known);
}

void IceTable::invalidateOlder(const rooms::Player& player, std::string_view ufrag) {
  const auto known = players_.find(player.negotiated.local.ufrag);
  if (known == players_.end()) return;
  std::vector<std::string>& ufrags = known->second.ufrags;
  const auto current = std::find(ufrags.begin(), ufrags.end(), ufrag);
  if (current == ufrags.end()) return;
  for (auto older = ufrags.begin(); older != current; ++older) by_ufrag_.erase(*older);
  ufrags.erase(ufrags.begin(), current);
}

const IceTable::Entry* IceTable::find(std::string_view ufrag) const {
  const auto known = by_ufrag_.find(ufrag);
  return known == by_ufrag_.end() ? nullptr : &known->second;
}

rooms::PlayerPtr IceTable::playerNamed(std::string_view first_ufrag) const {
  const auto known = players_.find(first_ufrag);
  return known == players_.end() ? nullptr : known->second.player;
}

}  // namespace sluice::runtime
