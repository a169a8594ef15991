#include "source/control/room_states.h"

#include <algorithm>
#include <utility>

#include "source/audibility/decider.h"
#include "source/audibility/decision.h"
#include "source/base/field_options.h"
#include "source/base/log.h"
#include "source/control/translation.h"

namespace sluice::control {
namespace {

Error noSuchRoom() {
  return {"room", "there is no such room: a room exists while it has players"};
}

// The state knows players by their numbers, requests by their ids.
Errors asFields(Errors errors) {
  constexpr std::string_view kNumber = ".number";
  for (Error& error : errors) {
    if (error.path.ends_with(kNumber))
      error.path.replace(error.path.size() - kNumber.size(), kNumber.size(), ".player");
  }
  return errors;
}

Errors prefixed(const char* prefix, Errors errors) {
  for (Error& error : errors) error.path = prefix + error.path;
  return errors;
}

}  // namespace

RoomStates::RoomStates(rooms::Directory& directory, const Clock& clock, SnapshotSink& sink)
    : directory_(directory), clock_(clock), sink_(sink) {
  directory_.addObserver(*this);
}

const audibility::ConfiguredRules* RoomStates::configuredFor(std::string_view room) const {
  const auto matches = [room](const audibility::ConfiguredRules& rules) { return rules.matches(room); };
  const auto found = std::ranges::find_if(configured_, matches);
  return found == configured_.end() ? nullptr : &*found;
}

void RoomStates::configure(std::vector<audibility::ConfiguredRules> rules) {
  configured_ = std::move(rules);
  for (auto& [name, room] : rooms_) {
    if (!room.set_by_api) applyConfigured(room);
  }
  for (const rooms::Directory::RoomView& view : directory_.rooms()) {
    if (configuredFor(view.room->name()) != nullptr) stateOf(view.room->name());
  }
}

void RoomStates::applyConfigured(Room& room) {
  const audibility::ConfiguredRules* configured = configuredFor(room.room->name());
  const sluice::Audibility written = configured == nullptr ? sluice::Audibility() : configured->written;
  const bool is_same = room.written && written.SerializeAsString() == room.written->SerializeAsString();
  if (is_same) return;
  auto rules = configured == nullptr ? *audibility::readRules({}) : configured->rules;
  if (const auto set = room.state.setRules(std::move(rules)); set) {
    room.written = written;
  } else {
    // The rules were checked, but together with the tags of the room's players they have too many.
    log::warn("the rules of room {} stay as they are: {}", room.room->name(), toString(set.errors()));
    if (!room.written) restoreRules(room, {});
  }
  publish(room);
}

void RoomStates::restoreRules(Room& room, const sluice::Audibility& written) {
  auto rules = audibility::readRules(written);
  const bool restored = rules.ok() && room.state.setRules(*std::move(rules)).ok();
  if (!restored) return restoreRules(room, {});  // these have no tags
  room.written = written;
}

RoomStates::Room& RoomStates::create(const std::shared_ptr<rooms::Room>& room) {
  Room& created = rooms_.emplace(room->name(), Room{.room = room}).first->second;
  for (const rooms::PlayerPtr& player : directory_.players(room->name())) {
    static_cast<void>(created.state.add(player->number));
  }
  applyConfigured(created);
  return created;
}

RoomStates::Room* RoomStates::stateOf(std::string_view room) {
  if (const auto known = rooms_.find(room); known != rooms_.end()) return &known->second;
  const std::vector<rooms::PlayerPtr> players = directory_.players(room);
  return players.empty() ? nullptr : &create(players.front()->room);
}

uint32_t RoomStates::numberOf(std::string_view room, std::string_view id) const {
  const rooms::PlayerPtr player = directory_.find(room, id);
  return player == nullptr ? 0 : player->number;
}

std::vector<uint32_t> RoomStates::numbersOf(const Room& room, const std::vector<std::string>& ids) const {
  std::vector<uint32_t> numbers;
  for (const std::string& id : ids) {
    if (const uint32_t number = numberOf(room.room->name(), id); number != 0) numbers.push_back(number);
  }
  return numbers;
}

uint64_t RoomStates::publish(Room& room) {
  sink_.publish(room.room->number(), room.state.publish(clock_.now()));
  return room.state.version();
}

void RoomStates::onJoined(const rooms::PlayerPtr& player) {
  const auto replaced = std::exchange(replaced_, std::nullopt);
  const auto known = rooms_.find(player->room->name());
  if (known == rooms_.end()) {
    if (configuredFor(player->room->name()) != nullptr) create(player->room);
    return;
  }
  Room& room = known->second;
  if (!replaced || !room.state.renumber(*replaced, player->number)) {
    static_cast<void>(room.state.add(player->number));
    resolveBlocks(room, player->id);
  }
  publish(room);
}

// The player `id` has a number now: players who block it refer to that.
void RoomStates::resolveBlocks(Room& room, const std::string& id) {
  audibility::Batch batch;
  for (const auto& [blocker, ids] : room.blocks) {
    if (std::ranges::find(ids, id) == ids.end()) continue;
    batch.players.push_back({.number = numberOf(room.room->name(), blocker), .blocks = numbersOf(room, ids)});
  }
  if (!batch.players.empty()) static_cast<void>(room.state.apply(batch, clock_.now()));
}

void RoomStates::onLeft(const rooms::PlayerPtr& player) {
  const auto known = rooms_.find(player->room->name());
  if (known == rooms_.end()) return;
  Room& room = known->second;
  if (player->departure == rooms::Departure::kReplaced) {
    replaced_ = player->number;
    return;
  }
  room.state.remove(player->number);
  room.blocks.erase(player->id);
  if (room.state.size() > 0) {
    publish(room);
    return;
  }
  sink_.forget(room.room->number());
  rooms_.erase(known);
}

Result<uint64_t> RoomStates::update(std::string_view name, UpdateRequest request) {
  if (Errors errors = applyFieldOptions(request); !errors.empty()) return errors;
  Room* room = stateOf(name);
  if (room == nullptr) return noSuchRoom();
  const Instant now = clock_.now();
  auto translation = translate(
      request, [&](std::string_view id) { return numberOf(name, id); }, now);
  if (!translation) return translation.errors();
  if (const auto applied = room->state.apply(translation->batch, now); !applied) {
    return asFields(applied.errors());
  }
  for (auto& [id, blocked] : translation->blocks) {
    if (blocked.empty()) {
      room->blocks.erase(id);
    } else {
      room->blocks[id] = std::move(blocked);
    }
  }
  return publish(*room);
}

Result<uint64_t> RoomStates::setRules(std::string_view name, SetRulesRequest request) {
  auto rules = audibility::readRules(request.audibility());
  if (!rules) return prefixed("audibility.", rules.errors());
  Room* room = stateOf(name);
  if (room == nullptr) return noSuchRoom();
  std::optional<uint64_t> expected;
  if (request.has_expected_version()) expected = request.expected_version();
  const auto set = room->state.setRules(*std::move(rules), expected);
  if (!set) {
    return set.error().path == "expected_version" ? set.errors() : prefixed("audibility.", set.errors());
  }
  room->written = std::move(*request.mutable_audibility());
  room->set_by_api = true;
  return publish(*room);
}

Result<Rules> RoomStates::rules(std::string_view name) const {
  Rules out;
  const auto known = rooms_.find(name);
  if (known == rooms_.end()) {
    if (directory_.players(name).empty()) return noSuchRoom();
    return out;
  }
  const Room& room = known->second;
  out.set_version(room.state.version());
  out.set_set_by_api(room.set_by_api);
  if (room.written) *out.mutable_audibility() = *room.written;
  for (const Error& warning : room.state.warnings()) out.add_warnings(warning.toString());
  return out;
}

Result<Decision> RoomStates::decide(std::string_view name, std::string_view listener,
                                    std::string_view speaker) {
  if (directory_.players(name).empty()) return noSuchRoom();
  const uint32_t to = numberOf(name, listener), from = numberOf(name, speaker);
  if (to == 0) return Error{"listener", "is not in the room"};
  if (from == 0) return Error{"speaker", "is not in the room"};
  const auto known = rooms_.find(name);
  const bool has_state = known != rooms_.end();
  audibility::RoomState everyone;
  if (!has_state) {
    for (const uint32_t number : {from, to}) static_cast<void>(everyone.add(number));
  }
  const Instant now = clock_.now();
  audibility::RoomState& state = has_state ? known->second.state : everyone;
  const audibility::SnapshotPtr snapshot = state.publish(now);
  const audibility::Decision made =
      audibility::Decider(*snapshot, snapshot->find(from), now).decide(snapshot->find(to));
  Decision out;
  out.set_audible(made.audible);
  out.set_reason(std::string(audibility::name(made.reason)));
  out.set_text(std::string(audibility::text(made.reason)));
  if (made.rule != audibility::kNoRule) out.set_rule(snapshot->rules->describe(made.rule));
  out.set_gain(made.gain);
  out.set_low_pass_hz(made.low_pass_hz);
  out.set_distance(made.distance);
  out.set_margin(made.margin);
  out.set_version(has_state ? state.version() : 0);
  return out;
}

void RoomStates::archive(Archive& a) {
  std::vector<std::string> names;
  for (const auto& [name, room] : rooms_) names.push_back(name);
  a(names);
  for (const std::string& name : names) {
    Room* room = stateOf(name);
    if (room == nullptr) return a.fail();
    std::string written = room->written ? room->written->SerializeAsString() : "";
    a(written, room->set_by_api, room->blocks);
    if (a.isReading()) {
      sluice::Audibility rules;
      if (!rules.ParseFromString(written)) return a.fail();
      restoreRules(*room, rules);
    }
    a(room->state);
    if (a.isReading()) publish(*room);
  }
}

uint64_t RoomStates::version(std::string_view room) const {
  const auto known = rooms_.find(room);
  return known == rooms_.end() ? 0 : known->second.state.version();
}

}  // namespace sluice::control
