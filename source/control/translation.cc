#include "source/control/translation.h"

#include <chrono>
#include <limits>
#include <utility>

#include "source/audibility/limits.h"
#include "source/rooms/name.h"

namespace sluice::control {
namespace {

// The nearest float; infinity for numbers beyond its range.
float toFloat(double value) {
  constexpr double kMax = std::numeric_limits<float>::max();
  if (value > kMax) return std::numeric_limits<float>::infinity();
  if (value < -kMax) return -std::numeric_limits<float>::infinity();
  return static_cast<float>(value);
}

std::string indexed(const char* list, int i) {
  return std::string(list) + "[" + std::to_string(i) + "]";
}

audibility::Vector3 toVector(const Vector& vector) {
  return {toFloat(vector.x()), toFloat(vector.y()), toFloat(vector.z())};
}

audibility::VocalRange toVocalRange(const VocalRange& range) {
  using audibility::Voice;
  if (range.has_distance()) {
    return {.voice = Voice::kDistance, .distance = toFloat(range.distance())};
  }
  switch (range.voice()) {
    case VocalRange::WHISPER:
      return {.voice = Voice::kWhisper};
    case VocalRange::SHOUT:
      return {.voice = Voice::kShout};
    default:
      return {.voice = Voice::kNormal};
  }
}

std::vector<audibility::ChannelUpdate> toChannels(const Channels& channels) {
  std::vector<audibility::ChannelUpdate> all;
  for (const Channel& channel : channels.channels()) {
    all.push_back({.name = channel.name(),
                   .gain = toFloat(channel.gain()),
                   .priority = static_cast<uint8_t>(channel.priority()),
                   .listen = channel.listen(),
                   .talk = channel.talk()});
  }
  return all;
}

Instant endOfMute(const Mute& mute, Instant now) {
  if (!mute.muted()) return Instant{};
  return mute.has_duration_s() ? now + std::chrono::seconds{mute.duration_s()} : Instant::max();
}

audibility::Force toForce(PairOverride::Force force) {
  switch (force) {
    case PairOverride::ON:
      return audibility::Force::kOn;
    case PairOverride::OFF:
      return audibility::Force::kOff;
    default:
      return audibility::Force::kNone;
  }
}

class Translator {
 public:
  Translator(const FindNumber& find, Instant now, Errors& errors) : find_(find), now_(now), errors_(errors) {}

  audibility::PlayerUpdate player(const PlayerUpdate& update, const std::string& path) {
    audibility::PlayerUpdate out{.number = numberOf(update.player(), path + ".player")};
    if (update.has_world()) out.world = update.world();
    if (update.has_team()) out.team = update.team();
    if (update.has_position()) out.position = toVector(update.position());
    if (update.has_forward()) out.forward = toVector(update.forward());
    if (update.has_up()) out.up = toVector(update.up());
    if (update.has_mode()) out.mode = static_cast<audibility::Mode>(update.mode());
    if (update.has_role()) out.role = static_cast<audibility::Role>(update.role());
    if (update.has_priority()) out.priority = static_cast<uint8_t>(update.priority());
    if (update.has_vocal_range()) out.vocal_range = toVocalRange(update.vocal_range());
    if (update.has_receive_range()) out.receive_range = toFloat(update.receive_range());
    if (update.has_mute()) out.muted_until = endOfMute(update.mute(), now_);
    if (update.has_deafened()) out.deafened = update.deafened();
    if (update.has_channels()) out.channels = toChannels(update.channels());
    if (update.has_tags()) out.tags.emplace(update.tags().names().begin(), update.tags().names().end());
    if (update.has_blocks()) out.blocks = numbersOf(update.blocks(), path + ".blocks.names");
    return out;
  }

  audibility::PairOverride pairOverride(const PairOverride& given, const std::string& path) {
    return {.speaker = numberOf(given.speaker(), path + ".speaker"),
            .receiver = numberOf(given.receiver(), path + ".receiver"),
            .force = toForce(given.force()),
            .gain = toFloat(given.gain()),
            .low_pass_hz = toFloat(given.low_pass_hz()),
            .end = given.has_duration_ms() ? now_ + std::chrono::milliseconds{given.duration_ms()}
                                           : Instant::max()};
  }

  // An override of a player who left has ended already.
  audibility::Pairing pair(const Pair& pair) const { return {find_(pair.speaker()), find_(pair.receiver())}; }

 private:
  uint32_t numberOf(const std::string& id, const std::string& path) {
    const uint32_t number = find_(id);
    if (id.empty()) {
      errors_.push_back({path, "is required"});
    } else if (number == 0) {
      errors_.push_back({path, "is not in the room"});
    }
    return number;
  }

  std::vector<uint32_t> numbersOf(const Names& ids, const std::string& path) {
    std::vector<uint32_t> numbers;
    if (ids.names_size() > static_cast<int>(audibility::kMaxBlocks)) {
      errors_.push_back({path, "has " + std::to_string(ids.names_size()) + " elements; at most " +
                                   std::to_string(audibility::kMaxBlocks) + " are allowed"});
      return numbers;
    }
    for (int i = 0; i < ids.names_size(); ++i) {
      const std::string& id = ids.names(i);
      if (!rooms::isName(id)) errors_.push_back({path + "[" + std::to_string(i) + "]", rooms::kNameRule});
      if (const uint32_t number = find_(id); number != 0) numbers.push_back(number);
    }
    return numbers;
  }

  const FindNumber& find_;
  const Instant now_;
  Errors& errors_;
};

}  // namespace

Result<Translation> translate(const UpdateRequest& request, const FindNumber& find, Instant now) {
  Errors errors;
  Translator translator(find, now, errors);
  Translation out;
  for (int i = 0; i < request.players_size() && errors.size() < audibility::kMaxErrors; ++i) {
    const PlayerUpdate& update = request.players(i);
    out.batch.players.push_back(translator.player(update, indexed("players", i)));
    if (!update.has_blocks()) continue;
    out.blocks[update.player()] = {update.blocks().names().begin(), update.blocks().names().end()};
  }
  for (int i = 0; i < request.overrides_size() && errors.size() < audibility::kMaxErrors; ++i) {
    out.batch.overrides.push_back(translator.pairOverride(request.overrides(i), indexed("overrides", i)));
  }
  for (const Pair& pair : request.cleared_overrides()) {
    out.batch.cleared_overrides.push_back(translator.pair(pair));
  }
  if (!errors.empty()) return errors;
  return out;
}

}  // namespace sluice::control
