#include "source/audibility/preparation.h"

#include <algorithm>
#include <cmath>

#include "source/audibility/limits.h"

namespace sluice::audibility {
namespace {

std::string indexed(const std::string& path, size_t i) {
  return path + "[" + std::to_string(i) + "]";
}

// False for NaN.
bool isInWorld(float coordinate) {
  return std::abs(coordinate) <= kMaxCoordinate;
}
bool isInWorld(const Vector3& position) {
  return isInWorld(position.x) && isInWorld(position.y) && isInWorld(position.z);
}

constexpr const char* kNoDirection = "must be finite and not 0";

// False if `direction` has no usable length; `unit` is unchanged then.
bool normalize(const Vector3& direction, Vector3& unit) {
  const double x = direction.x, y = direction.y, z = direction.z;
  const double length = std::sqrt(x * x + y * y + z * z);
  if (!(length > 1e-6) || !std::isfinite(length)) return false;
  unit = {static_cast<float>(x / length), static_cast<float>(y / length), static_cast<float>(z / length)};
  return true;
}

std::string tooMany(size_t size, size_t most) {
  return "has " + std::to_string(size) + " elements; at most " + std::to_string(most) + " are allowed";
}

}  // namespace

bool Preparation::require(bool holds, const std::string& path, const char* message) {
  if (!holds) errors_.push_back({path, message});
  return holds;
}

void Preparation::apply(const PlayerUpdate& update, const std::string& path, PlayerState& state,
                        DetailsPtr& details) {
  if (update.world) name(*update.world, path + ".world", state.world);
  if (update.team) name(*update.team, path + ".team", state.team);
  if (update.position) {
    place(*update.position, path);
    state.position = *update.position;
  }
  if (update.forward) {
    require(normalize(*update.forward, state.forward), path + ".forward", kNoDirection);
  }
  if (update.up) require(normalize(*update.up, state.up), path + ".up", kNoDirection);
  if (update.mode) state.mode = *update.mode;
  if (update.role) state.role = *update.role;
  if (update.priority) state.priority = *update.priority;
  if (update.vocal_range) {
    const float distance = update.vocal_range->distance;
    require(distance >= 0 && distance <= kMaxCoordinate, path + ".vocal_range.distance", "must be 0 to 1e7");
    state.vocal_range = *update.vocal_range;
  }
  if (update.receive_range) {
    require(*update.receive_range >= 0, path + ".receive_range", "must be at least 0");
    state.receive_range = *update.receive_range;
  }
  if (update.muted_until) state.muted_until = *update.muted_until;
  if (update.deafened) state.deafened = *update.deafened;
  if (update.tags) state.tags = tags(*update.tags, path + ".tags");
  if (!update.channels && !update.blocks) return;
  auto changed = std::make_shared<Details>(*details);
  if (update.channels) changed->channels = channels(*update.channels, path + ".channels");
  if (update.blocks) changed->blocks = blocks(*update.blocks, path + ".blocks");
  state.derive(*changed);
  details = std::move(changed);
}

void Preparation::apply(const Movement& movement, size_t index, Vector3& position, Vector3& forward,
                        Vector3& up) {
  position = movement.position;
  // Most movements are valid, so their path is not written.
  if (!isInWorld(position)) place(position, indexed("players", index));
  if (movement.forward && !normalize(*movement.forward, forward)) {
    errors_.push_back({indexed("players", index) + ".forward", kNoDirection});
  }
  if (movement.up && !normalize(*movement.up, up)) {
    errors_.push_back({indexed("players", index) + ".up", kNoDirection});
  }
}

void Preparation::place(const Vector3& position, const std::string& path) {
  const std::string field = path + ".position.";
  require(isInWorld(position.x), field + "x", "must be -1e7 to 1e7");
  require(isInWorld(position.y), field + "y", "must be -1e7 to 1e7");
  require(isInWorld(position.z), field + "z", "must be -1e7 to 1e7");
}

void Preparation::name(const std::string& text, const std::string& path, uint32_t& number) {
  if (!require(text.size() <= kMaxNameLength, path, "is longer than 128 bytes")) return;
  const auto interned = names_.intern(text);
  if (require(interned.has_value(), path, "exceeds the limit of 65535 different names per room")) {
    number = *interned;
  }
}

std::vector<Channel> Preparation::channels(const std::vector<ChannelUpdate>& list, const std::string& path) {
  std::vector<Channel> result;
  if (list.size() > kMaxChannels) {
    errors_.push_back({path, tooMany(list.size(), kMaxChannels)});
    return result;
  }
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string element = indexed(path, i);
    Channel channel{
        .gain = list[i].gain, .priority = list[i].priority, .listen = list[i].listen, .talk = list[i].talk};
    require(!list[i].name.empty(), element + ".name", "is empty");
    require(channel.gain >= 0 && channel.gain <= 1, element + ".gain", "must be 0 to 1");
    name(list[i].name, element + ".name", channel.name);
    const bool known = std::ranges::find(result, channel.name, &Channel::name) != result.end();
    require(!known, element + ".name", "is also the name of another element");
    result.push_back(channel);
  }
  return result;
}

std::vector<uint32_t> Preparation::blocks(std::vector<uint32_t> list, const std::string& path) {
  if (list.size() > kMaxBlocks) {
    errors_.push_back({path, tooMany(list.size(), kMaxBlocks)});
    return {};
  }
  std::ranges::sort(list);
  list.erase(std::unique(list.begin(), list.end()), list.end());
  return list;
}

uint64_t Preparation::tags(const std::vector<std::string>& list, const std::string& path) {
  uint64_t mask = 0;
  if (list.size() > TagTable::kMaxTags) {
    errors_.push_back({path, tooMany(list.size(), TagTable::kMaxTags)});
    return mask;
  }
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string element = indexed(path, i);
    if (!require(!list[i].empty(), element, "is empty")) continue;
    if (!require(list[i].size() <= kMaxNameLength, element, "is longer than 128 bytes")) continue;
    const auto bit = tags_.intern(list[i]);
    if (!require(bit.has_value(), element, "exceeds the limit of 64 tags per room")) break;
    mask |= *bit;
  }
  return mask;
}

}  // namespace sluice::audibility
