#include "source/audibility/settings.h"

#include <chrono>
#include <string>
#include <utility>

#include "source/audibility/rule_set.h"
#include "source/audibility/tag_table.h"
#include "source/base/field_options.h"

namespace sluice::audibility {
namespace {

using Message = sluice::Audibility;

// Enums of the proto and of this library have the same values, except RankBy.
static_assert(static_cast<int>(Role::kBroadcaster) == Message::BROADCASTER);
static_assert(static_cast<int>(Mode::kTeam) == Message::TEAM);
static_assert(static_cast<int>(Teams::kDifferent) == Message::DIFFERENT);
static_assert(static_cast<int>(FadeModel::kNone) == Message::Proximity::NONE);
static_assert(static_cast<int>(Handedness::kLeft) == Message::LEFT_HANDED);

// RuleKind is in the order of the oneof.
constexpr int kFirstKind = Message::Rule::kEveryone;
static_assert(static_cast<int>(RuleKind::kDeny) == Message::Rule::kDeny - kFirstKind);

// One bit for each value; `all` if the list is empty.
template <typename E, typename List>
uint8_t mask(const List& list, uint8_t all) {
  uint8_t bits = 0;
  for (const int value : list) bits |= bitOf(static_cast<E>(value));
  return list.empty() ? all : bits;
}

PlayerMatch readPlayers(const Message::Players& message) {
  return {.tags = {message.tags().begin(), message.tags().end()},
          .without_tags = {message.without_tags().begin(), message.without_tags().end()},
          .roles = mask<Role>(message.roles(), kAllRoles),
          .modes = mask<Mode>(message.modes(), kAllModes)};
}

Proximity readProximity(const Message::Proximity& message) {
  return {.audible_distance = static_cast<float>(message.audible_distance()),
          .conversational_distance = static_cast<float>(message.conversational_distance()),
          .fade_model = static_cast<FadeModel>(message.fade_model()),
          .fade_intensity = static_cast<float>(message.fade_intensity()),
          .hysteresis = static_cast<float>(message.hysteresis()),
          .whisper_factor = static_cast<float>(message.whisper_factor()),
          .shout_factor = static_cast<float>(message.shout_factor())};
}

Rule readRule(const Message::Rule& message, const std::string& path, Errors& errors) {
  Rule rule;
  rule.name = message.name();
  rule.speaker = readPlayers(message.speaker());
  rule.receiver = readPlayers(message.receiver());
  rule.teams = static_cast<Teams>(message.teams());
  rule.any_world = message.any_world();
  if (message.kind_case() == Message::Rule::KIND_NOT_SET) {
    errors.push_back({path, "has no kind, such as proximity or same_team"});
    return rule;
  }
  rule.kind = static_cast<RuleKind>(message.kind_case() - kFirstKind);
  if (message.has_proximity()) rule.proximity = readProximity(message.proximity());
  if (message.has_channels()) rule.heard_nearby = message.channels().heard_nearby();
  return rule;
}

Selection::Config readSelection(const Message::Selection& message) {
  using RankBy = Selection::RankBy;
  constexpr RankBy kRanks[] = {RankBy::kBoth, RankBy::kProximity, RankBy::kLoudness};
  return {.max_speakers = message.max_speakers(),
          .rank_by = kRanks[message.rank_by()],
          .hysteresis_db = static_cast<float>(message.hysteresis_db()),
          .min_hold = std::chrono::milliseconds{message.min_hold_ms()},
          .hold = std::chrono::milliseconds{message.hold_ms()},
          .dominant_bonus_db = static_cast<float>(message.dominant_bonus_db()),
          .mutual_bonus_db = static_cast<float>(message.mutual_bonus_db())};
}

}  // namespace

Result<RoomRules> readRules(const sluice::Audibility& written) {
  sluice::Audibility message = written;
  Errors errors = applyFieldOptions(message);
  RoomRules rules;
  for (int i = 0; i < message.rules_size(); ++i) {
    rules.rules.push_back(readRule(message.rules(i), "rules[" + std::to_string(i) + "]", errors));
  }
  rules.handedness = static_cast<Handedness>(message.handedness());
  rules.selection = readSelection(message.selection());
  if (!errors.empty()) return errors;
  TagTable tags;
  const auto compiled = RuleSet::compile(rules.rules, tags);
  if (!compiled) return compiled.errors();
  return rules;
}

bool ConfiguredRules::matches(std::string_view room) const {
  if (!name.ends_with('*')) return name == room;
  return room.starts_with(std::string_view(name).substr(0, name.size() - 1));
}

}  // namespace sluice::audibility
