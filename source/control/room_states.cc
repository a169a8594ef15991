#include "source/control/room_states.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "source/audibility/decider.h"
#include "source/audibility/decision.h"
#include "source/base/field_options.h"
#include "source/base/log.h"
#include "source/control/decide.h"
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

RoomStates::RoomStates(rooms::Directory& directory, const Clock& clock, StateSink& sink)
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
    if (!room->set_by_api && applyConfigured(*room)) publish(*room);
  }
  for (const rooms::Directory::RoomView& view : directory_.rooms()) {
    const std::string& name = view.room->name();
    if (configuredFor(name) == nullptr || rooms_.contains(name)) continue;
    publish(*rooms_.emplace(name, begin(name)).first->second);
  }
}

bool RoomStates::applyConfigured(Room& room) const {
  const audibility::ConfiguredRules* configured = configuredFor(room.room->name());
  const sluice::Audibility written = configured == nullptr ? sluice::Audibility() : configured->written;
  if (room.written && written.SerializeAsString() == room.written->SerializeAsString()) return false;
  const auto set =
      room.state.setRules(configured == nullptr ? *audibility::readRules({}) : configured->rules);
  room.refused = set.ok() ? "" : toString(set.errors());
  if (set.ok()) {
    room.written = written;
  } else {
    // They were checked, but together with the tags of the room's players there are too many.
    log::warn("the configured rules of room {} are not in force: {}", room.room->name(), room.refused);
    sink_.onRulesRefused(room.room->name(), prefixed("audibility.", set.errors()));
  }
  return set.ok();
}

std::unique_ptr<RoomStates::Room> RoomStates::begin(std::string_view room) const {
  const std::vector<rooms::PlayerPtr> players = directory_.players(room);
  if (players.empty()) return nullptr;
  auto fresh = std::make_unique<Room>(Room{.room = players.front()->room});
  for (const rooms::PlayerPtr& player : players) static_cast<void>(fresh->state.add(player->number));
  applyConfigured(*fresh);  // no player has tags yet
  return fresh;
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
  room.moved = false;
  sink_.publish(room.room->number(), room.state.publish(clock_.now()));
  return room.state.version();
}

void RoomStates::onJoined(const rooms::PlayerPtr& player) {
  const auto replaced = std::exchange(replaced_, std::nullopt);
  const std::string& name = player->room->name();
  const auto known = rooms_.find(name);
  if (known == rooms_.end()) {
    if (configuredFor(name) != nullptr) publish(*rooms_.emplace(name, begin(name)).first->second);
    return;
  }
  Room& room = *known->second;
  if (replaced && room.state.renumber(*replaced, player->number)) {
    reportMute(room, player->number);
    if (auto last = room.moves.extract(*replaced)) {
      last.key() = player->number;
      room.moves.insert(std::move(last));
    }
  } else {
    static_cast<void>(room.state.add(player->number));
    resolveBlocks(room, player->id);
  }
  publish(room);
}

void RoomStates::reportMute(const Room& room, uint32_t player) {
  const audibility::PlayerState* state = room.state.find(player);
  if (state != nullptr) sink_.onMuted(player, state->muted_until);
}

// The player `id` has a number now: players who block it refer to that.
void RoomStates::resolveBlocks(Room& room, const std::string& id) {
  audibility::Batch batch;
  for (const auto& [blocker, ids] : room.blocks) {
    if (std::ranges::find(ids, id) == ids.end()) continue;
    batch.players.push_back({.number = numberOf(room.room->name(), blocker), .blocks = numbersOf(room, ids)});
  }
  if (batch.players.empty()) return;
  const auto applied = room.state.apply(batch, clock_.now());
  if (!applied) log::error("blocks in room {}: {}", room.room->name(), toString(applied.errors()));
}

void RoomStates::onLeft(const rooms::PlayerPtr& player) {
  const auto known = rooms_.find(player->room->name());
  if (known == rooms_.end()) return;
  Room& room = *known->second;
  if (player->departure == rooms::Departure::kReplaced) {
    replaced_ = player->number;
    return;
  }
  room.state.remove(player->number);
  room.blocks.erase(player->id);
  room.moves.erase(player->number);
  if (room.state.size() > 0) {
    publish(room);
    return;
  }
  sink_.forget(room.room->number());
  rooms_.erase(known);
}

template <typename Change>
Result<uint64_t> RoomStates::change(std::string_view name, std::optional<uint64_t> expected_version,
                                    Change&& change) {
  const auto known = rooms_.find(name);
  const uint64_t version = known == rooms_.end() ? 0 : known->second->state.version();
  std::unique_ptr<Room> fresh = known == rooms_.end() ? begin(name) : nullptr;
  if (known == rooms_.end() && fresh == nullptr) return noSuchRoom();
  if (expected_version && *expected_version != version) {
    sink_.onConflict(std::string(name), *expected_version, version);
    return Error{"expected_version", "is " + std::to_string(*expected_version) +
                                         ", but the room is at version " + std::to_string(version)};
  }
  Room& room = fresh ? *fresh : *known->second;
  const Result<uint64_t> changed = change(room);
  if (!changed) return changed.errors();
  if (fresh) rooms_.emplace(name, std::move(fresh));
  return publish(room);
}

Result<uint64_t> RoomStates::update(std::string_view name, UpdateRequest request) {
  std::optional<uint64_t> expected;
  if (request.has_expected_version()) expected = request.expected_version();
  return change(name, expected, [&](Room& room) -> Result<uint64_t> {
    if (Errors errors = applyFieldOptions(request); !errors.empty()) return errors;
    const Instant now = clock_.now();
    auto translation = translate(
        request, [&](std::string_view id) { return numberOf(name, id); }, now);
    if (!translation) return translation.errors();
    const auto applied = room.state.apply(translation->batch, now);
    if (!applied) return asFields(applied.errors());
    for (const audibility::PlayerUpdate& player : translation->batch.players) {
      if (player.muted_until) sink_.onMuted(player.number, *player.muted_until);
    }
    for (auto& [id, blocked] : translation->blocks) {
      if (blocked.empty()) {
        room.blocks.erase(id);
      } else {
        room.blocks[id] = std::move(blocked);
      }
    }
    return applied;
  });
}

Result<uint64_t> RoomStates::setRules(std::string_view name, SetRulesRequest request) {
  std::optional<uint64_t> expected;
  if (request.has_expected_version()) expected = request.expected_version();
  return change(name, expected, [&](Room& room) -> Result<uint64_t> {
    if (!request.has_audibility())
      return Error{"audibility", "is required; {} lets every player hear every other"};
    const auto refused = [&](const Errors& errors) {
      Errors fields = prefixed("audibility.", errors);
      sink_.onRulesRefused(room.room->name(), fields);
      return fields;
    };
    auto rules = audibility::readRules(request.audibility());
    if (!rules) return refused(rules.errors());
    const auto set = room.state.setRules(*std::move(rules));
    if (!set) return refused(set.errors());
    room.written = std::move(*request.mutable_audibility());
    room.set_by_api = true;
    room.refused.clear();
    return set;
  });
}

audibility::PositionOutcome RoomStates::move(const audibility::PositionUpdate& update) {
  const auto known = rooms_.find(update.room);
  std::unique_ptr<Room> fresh = known == rooms_.end() ? begin(update.room) : nullptr;
  if (known == rooms_.end() && fresh == nullptr) return {};
  Room& room = fresh ? *fresh : *known->second;
  audibility::PositionOutcome out{.has_room = true};
  std::vector<audibility::Movement> movements;
  movements.reserve(update.players.size());
  for (const audibility::PlayerMove& move : update.players) {
    const uint32_t number = numberOf(update.room, move.player);
    const audibility::PlayerState* state = number == 0 ? nullptr : room.state.find(number);
    if (state == nullptr) {
      ++out.unknown;
      continue;
    }
    LastMove& last = room.moves[number];
    if (last.source == update.source && update.sequence <= last.sequence) {
      ++out.outdated;
      continue;
    }
    last = {update.source, update.sequence};
    movements.push_back({number, move.position.value_or(state->position), move.forward, move.up});
  }
  if (movements.empty()) return out;
  [[maybe_unused]] const auto moved = room.state.move(movements);
  assert(moved.ok());
  out.moved = movements.size();
  if (fresh) rooms_.emplace(update.room, std::move(fresh));
  if (!std::exchange(room.moved, true)) moved_.emplace_back(update.room);
  return out;
}

void RoomStates::publishMoves() {
  for (const std::string& name : moved_) {
    const auto known = rooms_.find(name);
    if (known != rooms_.end() && known->second->moved) publish(*known->second);
  }
  moved_.clear();
}

Result<Rules> RoomStates::rules(std::string_view name) const {
  Rules out;
  const auto known = rooms_.find(name);
  if (known == rooms_.end()) {
    if (directory_.players(name).empty()) return noSuchRoom();
    return out;
  }
  const Room& room = *known->second;
  out.set_version(room.state.version());
  out.set_set_by_api(room.set_by_api);
  if (room.written) *out.mutable_audibility() = *room.written;
  if (!room.refused.empty()) out.add_warnings("the configured rules are not in force: " + room.refused);
  for (const Error& warning : room.state.warnings()) out.add_warnings(warning.toString());
  return out;
}

Result<Decision> RoomStates::decide(std::string_view name, std::string_view listener,
                                    std::string_view speaker) {
  if (directory_.players(name).empty()) return noSuchRoom();
  const uint32_t to = numberOf(name, listener), from = numberOf(name, speaker);
  if (to == 0) return Error{"listener", "is not in the room"};
  if (from == 0) return Error{"speaker", "is not in the room"};
  return control::decide(snapshot(name), from, to, clock_.now());
}

audibility::SnapshotPtr RoomStates::snapshot(std::string_view name) {
  const auto known = rooms_.find(name);
  return known == rooms_.end() ? nullptr : known->second->state.publish(clock_.now());
}

Result<Matrix> RoomStates::matrix(std::string_view name) {
  const std::vector<rooms::PlayerPtr> players = directory_.players(name);
  if (players.empty()) return noSuchRoom();
  if (players.size() > kMaxMatrix) {
    return Error{"players", "are " + std::to_string(players.size()) + "; the matrix has at most " +
                                std::to_string(kMaxMatrix)};
  }
  std::vector<uint32_t> numbers;
  for (const rooms::PlayerPtr& player : players) numbers.push_back(player->number);
  const audibility::SnapshotPtr ruled = snapshot(name);
  const audibility::SnapshotPtr in = ruled ? ruled : withoutRules(numbers, clock_.now());
  Matrix out;
  out.set_version(version(name));
  for (const rooms::PlayerPtr& speaker : players) {
    Matrix::Speaker& row = *out.add_speakers();
    row.set_speaker(speaker->id);
    const audibility::Decider decider(*in, in->find(speaker->number), clock_.now());
    for (const rooms::PlayerPtr& listener : players) {
      if (decider.decide(in->find(listener->number)).audible) row.add_listeners(listener->id);
    }
  }
  return out;
}

void RoomStates::archive(Archive& a) {
  std::vector<std::string> names;
  for (const auto& [name, room] : rooms_) names.push_back(name);
  a(names);
  for (const std::string& name : names) {
    if (a.isReading()) rooms_[name] = begin(name);
    Room* room = rooms_[name].get();
    if (room == nullptr) {
      rooms_.erase(name);
      return a.fail();
    }
    std::string written = room->written ? room->written->SerializeAsString() : "";
    a(written, room->set_by_api, room->blocks, room->moves);
    if (a.isReading()) {
      sluice::Audibility rules;
      const bool parsed = rules.ParseFromString(written);
      auto checked = audibility::readRules(rules);
      if (!parsed || !checked || !room->state.setRules(*std::move(checked))) return a.fail();
      room->written = std::move(rules);
    }
    a(room->state);
    if (!a.isReading()) continue;
    for (const rooms::PlayerPtr& player : directory_.players(name)) reportMute(*room, player->number);
    publish(*room);
  }
}

uint64_t RoomStates::version(std::string_view room) const {
  const auto known = rooms_.find(room);
  return known == rooms_.end() ? 0 : known->second->state.version();
}

}  // namespace sluice::control
