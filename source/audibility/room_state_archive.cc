// RoomState::archive(), for a takeover.
#include <algorithm>
#include <cmath>
#include <utility>

#include "source/audibility/limits.h"
#include "source/audibility/room_state.h"

namespace sluice::audibility {
namespace {

// Translates a mask of tags from the bits of `from` to those of `table`.
uint64_t translate(uint64_t mask, const TagTable& from, TagTable& table, Archive& a) {
  uint64_t translated = 0;
  for (const std::string& tag : from.texts(mask)) {
    const auto bit = tag.empty() ? std::nullopt : table.intern(tag);
    if (bit) translated |= *bit;
    if (!bit) a.fail();
  }
  return translated;
}

bool isValid(const PlayerState& player, const Details& details, size_t names) {
  const auto is_name = [names](uint32_t number) { return number < names; };
  const auto is_finite = [](const Vector3& v) {
    return std::isfinite(v.x) && std::isfinite(v.y) && std::isfinite(v.z);
  };
  const auto is_valid = [&](const Channel& channel) {
    return is_name(channel.name) && channel.gain >= 0 && channel.gain <= 1;
  };
  return player.number != 0 && is_name(player.world) && is_name(player.team) && is_finite(player.position) &&
         is_finite(player.forward) && is_finite(player.up) && player.receive_range >= 0 &&
         player.vocal_range.distance >= 0 && std::ranges::all_of(details.channels, is_valid) &&
         details.channels.size() <= kMaxChannels && std::ranges::is_sorted(details.blocks);
}

}  // namespace

void RoomState::archive(Archive& a) {
  std::vector<Details> details;
  std::vector<PairOverride> overrides;
  for (const DetailsPtr& of_player : details_) details.push_back(*of_player);
  for (const auto& [pair, set] : overrides_) overrides.push_back(set);
  uint64_t version = version_;
  TagTable tags = tags_;
  a(version, names_, tags, players_, details, overrides);
  if (!a.isReading()) return;

  if (players_.size() != details.size() || players_.size() > limits_.players) a.fail();
  if (!a.ok()) players_.clear();
  details_.clear();
  overrides_.clear();
  indices_ = {};
  for (uint32_t i = 0; i < players_.size(); ++i) {
    PlayerState& player = players_[i];
    if (!isValid(player, details[i], names_.bound()) || find(player.number) != nullptr) {
      a.fail();
      players_.resize(i);
      break;
    }
    indices_.set(player.number, i);
    player.tags = translate(player.tags, tags, tags_, a);
    player.derive(*details_.emplace_back(std::make_shared<const Details>(std::move(details[i]))));
  }
  for (const PairOverride& set : overrides) {
    if (find(set.speaker) != nullptr && find(set.receiver) != nullptr) overrides_[set.pair()] = set;
  }
  version_ = std::max(version_, version) + 1;
  changed_ = ~0U;
  published_ = nullptr;
}

}  // namespace sluice::audibility
