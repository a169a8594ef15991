#include "source/runtime/ice_table.h"

#include <algorithm>

namespace sluice::runtime {

void IceTable::add(const rooms::PlayerPtr& player, const rooms::IceCredentials& ice) {
  if (!by_ufrag_.try_emplace(ice.ufrag, Entry{player, ice}).second) return;
  std::vector<std::string>& ufrags = ufrags_[player.get()];
  ufrags.push_back(ice.ufrag);
  if (ufrags.size() <= kMaxPerPlayer) return;
  by_ufrag_.erase(ufrags.front());
  ufrags.erase(ufrags.begin());
}

void IceTable::remove(const rooms::Player& player) {
  const auto known = ufrags_.find(&player);
  if (known == ufrags_.end()) return;
  for (const std::string& ufrag : known->second) by_ufrag_.erase(ufrag);
  ufrags_.erase(known);
}

void IceTable::prove(const rooms::Player& player, std::string_view ufrag) {
  const auto known = ufrags_.find(&player);
  if (known == ufrags_.end() || known->second.size() < 2) return;
  std::vector<std::string>& ufrags = known->second;
  const auto proven = std::find(ufrags.begin(), ufrags.end(), ufrag);
  if (proven == ufrags.end()) return;
  for (auto older = ufrags.begin(); older != proven; ++older) by_ufrag_.erase(*older);
  ufrags.erase(ufrags.begin(), proven);
}

const IceTable::Entry* IceTable::find(std::string_view ufrag) const {
  const auto known = by_ufrag_.find(ufrag);
  return known == by_ufrag_.end() ? nullptr : &known->second;
}

}  // namespace sluice::runtime
