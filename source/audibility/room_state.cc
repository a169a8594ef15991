#include "source/audibility/room_state.h"

#include <algorithm>
#include <set>

#include "source/audibility/limits.h"
#include "source/audibility/preparation.h"
#include "source/audibility/rule_checks.h"
#include "source/base/closest_name.h"

namespace sluice::audibility {
namespace {

const DetailsPtr& noDetails() {
  static const DetailsPtr kNone = std::make_shared<const Details>();
  return kNone;
}

std::string elementPath(const char* list, size_t i) {
  return std::string(list) + "[" + std::to_string(i) + "]";
}

Error tooMany(const char* path, size_t size, size_t most) {
  return {path,
          "has " + std::to_string(size) + " elements; at most " + std::to_string(most) + " are allowed"};
}

Error unknownPlayer(size_t i, uint32_t number) {
  return {elementPath("players", i) + ".number", std::to_string(number) + " is not in the room"};
}

// A copy of `errors` that is short enough to be sent.
Errors firstOf(Errors errors) {
  if (errors.size() <= kMaxErrors) return errors;
  const size_t more = errors.size() - kMaxErrors;
  errors.resize(kMaxErrors);
  errors.push_back({"", "and " + std::to_string(more) + " more errors"});
  return errors;
}

}  // namespace

RoomState::RoomState(Limits limits) : limits_(limits), rules_(*RuleSet::compile({}, tags_)) {}

const PlayerState* RoomState::find(uint32_t number) const {
  const uint32_t index = number == 0 ? NumberMap::kAbsent : indices_.find(number);
  return index == NumberMap::kAbsent ? nullptr : &players_[index];
}

uint64_t RoomState::advance(unsigned changed) {
  changed_ |= changed;
  return ++version_;
}

Result<uint64_t> RoomState::add(uint32_t number) {
  if (number == 0) return Error{"number", "must not be 0"};
  if (find(number) != nullptr) return Error{"number", "is in the room already"};
  if (players_.size() >= limits_.players) return Error{"number", "exceeds the limit of players per room"};
  indices_.set(number, static_cast<uint32_t>(players_.size()));
  PlayerState& player = players_.emplace_back();
  player.number = number;
  player.details = details_.emplace_back(noDetails()).get();
  return advance(kMembers);
}

bool RoomState::remove(uint32_t number) {
  if (find(number) == nullptr) return false;
  const uint32_t index = indices_.find(number);
  players_[index] = players_.back();
  details_[index] = std::move(details_.back());
  indices_.set(players_[index].number, index);
  indices_.erase(number);
  players_.pop_back();
  details_.pop_back();
  const size_t erased = std::erase_if(overrides_, [number](const auto& entry) {
    return entry.second.speaker == number || entry.second.receiver == number;
  });
  advance(kMembers | (erased > 0 ? kOverrides : 0));
  return true;
}

bool RoomState::renumber(uint32_t from, uint32_t to) {
  if (find(from) == nullptr || to == 0 || find(to) != nullptr) return false;
  const uint32_t index = indices_.find(from);
  players_[index].number = to;
  indices_.erase(from);
  indices_.set(to, index);
  std::map<uint64_t, PairOverride> overrides;
  for (const auto& [pair, old] : overrides_) {
    PairOverride renamed = old;
    if (renamed.speaker == from) renamed.speaker = to;
    if (renamed.receiver == from) renamed.receiver = to;
    overrides.emplace(renamed.pair(), renamed);
  }
  overrides_ = std::move(overrides);
  for (size_t i = 0; i < details_.size(); ++i) {
    if (!std::ranges::binary_search(details_[i]->blocks, from)) continue;
    auto details = std::make_shared<Details>(*details_[i]);
    std::ranges::replace(details->blocks, from, to);
    std::ranges::sort(details->blocks);
    details_[i] = std::move(details);
    players_[i].derive(*details_[i]);
  }
  advance(kMembers | kOverrides);
  return true;
}

std::optional<Error> RoomState::conflict(const std::optional<uint64_t>& expected) const {
  if (!expected || *expected == version_) return std::nullopt;
  return Error{"expected_version", "is " + std::to_string(*expected) + ", but the room is at version " +
                                       std::to_string(version_)};
}

Errors RoomState::check(const Batch& batch, Instant now) {
  Errors errors;
  if (batch.players.size() > players_.size()) {
    errors.push_back(tooMany("players", batch.players.size(), players_.size()));
  }
  if (batch.overrides.size() + overrides_.size() > limits_.overrides) dropEnded(now);
  std::set<uint64_t> added;
  for (size_t i = 0; i < batch.overrides.size(); ++i) {
    const PairOverride& set = batch.overrides[i];
    const std::string path = elementPath("overrides", i) + ".";
    const auto require = [&](bool holds, const char* field, const char* message) {
      if (!holds) errors.push_back({path + field, message});
    };
    require(find(set.speaker) != nullptr, "speaker", "is not in the room");
    require(find(set.receiver) != nullptr, "receiver", "is not in the room");
    require(set.gain >= 0 && set.gain <= 1, "gain", "must be 0 to 1");
    require(set.low_pass_hz >= 0 && set.low_pass_hz <= 24'000, "low_pass_hz", "must be 0 to 24000");
    if (!overrides_.contains(set.pair())) added.insert(set.pair());
  }
  std::set<uint64_t> cleared;
  for (const Pairing& pair : batch.cleared_overrides) {
    const uint64_t key = PairOverride{.speaker = pair.speaker, .receiver = pair.receiver}.pair();
    if (overrides_.contains(key)) cleared.insert(key);
  }
  const size_t after = overrides_.size() - cleared.size() + added.size();
  if (after > limits_.overrides) errors.push_back(tooMany("overrides", after, limits_.overrides));
  return errors;
}

Result<uint64_t> RoomState::apply(const Batch& batch, Instant now) {
  if (const auto error = conflict(batch.expected_version)) return *error;
  Errors errors = check(batch, now);
  if (!errors.empty()) return firstOf(std::move(errors));
  if (names_.size() >= collect_at_) collectNames();
  if (std::ranges::any_of(batch.players, [](const auto& update) { return update.tags.has_value(); })) {
    tags_.keep(rules_->tags() | carriedTags());
  }
  TagTable tags = tags_;
  Preparation preparation(names_, tags, errors);
  std::vector<Prepared> prepared;
  prepared.reserve(batch.players.size());
  std::vector<bool> seen(players_.size());
  for (size_t i = 0; i < batch.players.size() && errors.size() <= kMaxErrors; ++i) {
    const PlayerUpdate& update = batch.players[i];
    const std::string path = elementPath("players", i);
    const PlayerState* known = find(update.number);
    if (known == nullptr) {
      errors.push_back(unknownPlayer(i, update.number));
      continue;
    }
    const auto index = static_cast<uint32_t>(known - players_.data());
    if (seen[index]) errors.push_back({path + ".number", "is in the batch twice"});
    seen[index] = true;
    Prepared& next = prepared.emplace_back(Prepared{index, *known, details_[index], kOther});
    preparation.apply(update, path, next.state, next.details);
    if (update.position || update.world) next.changed |= kPlaces;
    if (update.team) next.changed |= kTeams;
    if (update.channels || update.blocks) next.changed |= kDetails;
  }
  if (!errors.empty()) return firstOf(std::move(errors));
  unsigned changed = 0;
  for (Prepared& next : prepared) {
    players_[next.index] = next.state;
    details_[next.index] = std::move(next.details);
    changed |= next.changed;
  }
  tags_ = std::move(tags);
  for (const Pairing& pair : batch.cleared_overrides) {
    overrides_.erase(PairOverride{.speaker = pair.speaker, .receiver = pair.receiver}.pair());
  }
  for (const PairOverride& set : batch.overrides) overrides_[set.pair()] = set;
  if (!batch.overrides.empty() || !batch.cleared_overrides.empty()) changed |= kOverrides;
  return advance(changed);
}

Result<uint64_t> RoomState::move(std::span<const Movement> movements) {
  Errors errors;
  if (movements.size() > players_.size()) {
    return tooMany("players", movements.size(), players_.size());
  }
  moved_.clear();
  Preparation preparation(names_, tags_, errors);
  for (size_t i = 0; i < movements.size() && errors.size() <= kMaxErrors; ++i) {
    const PlayerState* known = find(movements[i].number);
    if (known == nullptr) {
      errors.push_back(unknownPlayer(i, movements[i].number));
      continue;
    }
    const auto index = static_cast<uint32_t>(known - players_.data());
    moved_.push_back({index, known->position, known->forward, known->up});
    Moved& next = moved_.back();
    preparation.apply(movements[i], i, next.position, next.forward, next.up);
  }
  if (!errors.empty()) return firstOf(std::move(errors));
  for (const Moved& next : moved_) {
    PlayerState& player = players_[next.index];
    player.position = next.position;
    player.forward = next.forward;
    player.up = next.up;
  }
  return advance(kPlaces);
}

Result<uint64_t> RoomState::setRules(RoomRules rules, std::optional<uint64_t> expected_version) {
  if (const auto error = conflict(expected_version)) return *error;
  TagTable tags = tags_;
  tags.keep(carriedTags());
  auto compiled = RuleSet::compile(std::move(rules.rules), tags);
  if (!compiled) return firstOf(compiled.errors());
  tags_ = std::move(tags);
  const bool same_grid = (*compiled)->range() == rules_->range();
  rules_ = *std::move(compiled);
  handedness_ = rules.handedness;
  selection_ = rules.selection;
  advance(kOther | (same_grid ? 0 : kPlaces));
  return rules_version_ = version_;
}

Errors RoomState::warnings() const {
  Errors warnings = rules_->warnings();
  const uint64_t carried = carriedTags();
  const std::vector<std::string> known = tags_.texts(carried);
  const auto check = [&](const std::vector<std::string>& tags, const std::string& path) {
    for (size_t i = 0; i < tags.size(); ++i) {
      if ((tags_.find(tags[i]) & carried) != 0) continue;
      warnings.push_back({elementPath(path.c_str(), i),
                          "no player has the tag \"" + tags[i] + "\"" + didYouMean(tags[i], known)});
    }
  };
  for (size_t i = 0; i < rules_->written().size(); ++i) {
    const Rule& rule = rules_->written()[i];
    check(rule.speaker.tags, rulePath(i) + ".speaker.tags");
    check(rule.speaker.without_tags, rulePath(i) + ".speaker.without_tags");
    check(rule.receiver.tags, rulePath(i) + ".receiver.tags");
    check(rule.receiver.without_tags, rulePath(i) + ".receiver.without_tags");
  }
  return warnings;
}

void RoomState::collectNames() {
  std::vector<bool> used(names_.bound());
  for (const PlayerState& player : players_) {
    used[player.world] = used[player.team] = true;
    for (const Channel& channel : player.details->channels) used[channel.name] = true;
  }
  names_.keep(used);
  collect_at_ = std::max(Names::kMaxNames / 2, std::min(names_.size() * 2, Names::kMaxNames - 1));
}

uint64_t RoomState::carriedTags() const {
  uint64_t carried = 0;
  for (const PlayerState& player : players_) carried |= player.tags;
  return carried;
}

void RoomState::dropEnded(Instant now) {
  const auto has_ended = [now](const auto& entry) { return now >= entry.second.end; };
  if (std::erase_if(overrides_, has_ended) > 0) changed_ |= kOverrides;
}

SnapshotPtr RoomState::publish(Instant now) {
  if (published_ && published_->version == version_) return published_;
  dropEnded(now);
  auto next = std::make_shared<Snapshot>();
  next->version = version_;
  next->rules_version = rules_version_;
  next->handedness = handedness_;
  next->selection = selection_;
  next->players = players_;
  next->rules = rules_;
  refreshParts(*next);
  changed_ = 0;
  return published_ = std::move(next);
}

void RoomState::refreshParts(Snapshot& next) const {
  const auto changed = [this](unsigned parts) { return !published_ || (changed_ & (parts | kMembers)) != 0; };
  if (!changed(0)) {
    next.indices = published_->indices;
  } else {
    next.indices = std::make_shared<const NumberMap>(indices_);
  }
  if (!changed(kDetails)) {
    next.details = published_->details;
    next.subscribers = published_->subscribers;
  } else {
    next.details = std::make_shared<const std::vector<DetailsPtr>>(details_);
    auto subscribers = std::make_shared<Groups>();
    for (uint32_t i = 0; i < details_.size(); ++i) {
      for (const Channel& channel : details_[i]->channels) {
        if (channel.isHeard()) subscribers->add(channel.name, i);
      }
    }
    subscribers->sort();
    next.subscribers = std::move(subscribers);
  }
  if (!changed(kTeams)) {
    next.teams = published_->teams;
  } else {
    auto teams = std::make_shared<Groups>();
    for (uint32_t i = 0; i < players_.size(); ++i) {
      if (players_[i].team != 0) teams->add(players_[i].team, i);
    }
    teams->sort();
    next.teams = std::move(teams);
  }
  if (!changed(kPlaces)) {
    next.grid = published_->grid;
  } else if (rules_->range() > 0) {
    next.grid = std::make_shared<const Grid>(players_, rules_->range());
  }
  if (published_ && (changed_ & kOverrides) == 0) {
    next.overrides = published_->overrides;
  } else {
    auto overrides = std::make_shared<std::vector<PairOverride>>();
    overrides->reserve(overrides_.size());
    for (const auto& [pair, set] : overrides_) overrides->push_back(set);
    next.overrides = std::move(overrides);
  }
}

}  // namespace sluice::audibility
