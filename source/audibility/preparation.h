// Checks a player's update and applies it to a copy of the player's state.
#pragma once

#include <string>

#include "source/audibility/names.h"
#include "source/audibility/player_state.h"
#include "source/audibility/tag_table.h"
#include "source/audibility/update.h"
#include "source/base/result.h"

namespace sluice::audibility {

class Preparation {
 public:
  // New names and tags are added to `names` and `tags`. The arguments outlive the preparation.
  Preparation(Names& names, TagTable& tags, Errors& errors) : names_(names), tags_(tags), errors_(errors) {}

  // `path` is that of the update, "players[3]". `details` is replaced if the update changes them.
  void apply(const PlayerUpdate& update, const std::string& path, PlayerState& state, DetailsPtr& details);
  // `index` is that of the movement in "players".
  void apply(const Movement& movement, size_t index, Vector3& position, Vector3& forward, Vector3& up);

 private:
  void place(const Vector3& position, const std::string& path);
  void name(const std::string& text, const std::string& path, uint32_t& number);
  std::vector<Channel> channels(const std::vector<ChannelUpdate>& list, const std::string& path);
  std::vector<uint32_t> blocks(std::vector<uint32_t> list, const std::string& path);
  uint64_t tags(const std::vector<std::string>& list, const std::string& path);
  bool require(bool holds, const std::string& path, const char* message);

  Names& names_;
  TagTable& tags_;
  Errors& errors_;
};

}  // namespace sluice::audibility
