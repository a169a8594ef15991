#include "source/audibility/settings.h"

#include <chrono>
#include <iterator>
#include <string>
#include <utility>

#include "source/audibility/rule_set.h"
#include "source/audibility/tag_table.h"
#include "source/base/enum_size.h"
#include "source/base/field_options.h"

namespace sluice::audibility {
namespace {

using Message = sluice::Audibility;

// The enums of the proto and of this library have the same values, except RankBy.
static_assert(static_cast<int>(Role::kBroadcaster) == Message::BROADCASTER);
static_assert(static_cast<int>(Mode::kTeam) == Message::TEAM);
static_assert(static_cast<int>(Teams::kDifferent) == Message::DIFFERENT);
static_assert(static_cast<int>(FadeModel::kNone) == Message::Proximity::NONE);
static_assert(static_cast<int>(Handedness::kLeft) == Message::LEFT_HANDED);

// RuleKind is in the order of the oneof.
constexpr int kFirstKind = Message::Rule::kEveryone;
static_assert(static_cast<int>(RuleKind::kDeny) == Message::Rule::kDeny - kFirstKind);

class Reading {
 public:
  explicit Reading(Errors& errors) : errors_(errors) {}

  Rule rule(const Message::Rule& message, const std::string& path) {
    Rule rule;
    rule.name = message.name();
    rule.speaker = match(message.speaker(), path + ".speaker");
    rule.receiver = match(message.receiver(), path + ".receiver");
    rule.teams = enumerator<Teams>(message.teams(), path + ".teams");
    rule.any_world = message.any_world();
    if (message.kind_case() == Message::Rule::KIND_NOT_SET) {
      errors_.push_back({path, "has no kind, such as proximity or same_team"});
      return rule;
    }
    rule.kind = static_cast<RuleKind>(message.kind_case() - kFirstKind);
    if (message.has_proximity()) rule.proximity = proximity(message.proximity(), path + ".proximity");
    if (message.has_channels()) rule.heard_nearby = message.channels().heard_nearby();
    return rule;
  }

  template <typename E>
  E enumerator(int value, const std::string& path) {
    if (value >= 0 && static_cast<size_t>(value) < kEnumSize<E>) return static_cast<E>(value);
    errors_.push_back({path, "has the unknown value " + std::to_string(value)});
    return E{};
  }

  Selection::Config selection(const Message::Selection& message) {
    using RankBy = Selection::RankBy;
    constexpr RankBy kRanks[] = {RankBy::kBoth, RankBy::kProximity, RankBy::kLoudness};
    const int rank = message.rank_by();
    if (rank < 0 || rank >= static_cast<int>(std::size(kRanks))) {
      errors_.push_back({"selection.rank_by", "has the unknown value " + std::to_string(rank)});
      return {};
    }
    return {.max_speakers = message.max_speakers(),
            .rank_by = kRanks[rank],
            .hysteresis_db = static_cast<float>(message.hysteresis_db()),
            .min_hold = std::chrono::milliseconds{message.min_hold_ms()},
            .hold = std::chrono::milliseconds{message.hold_ms()},
            .dominant_bonus_db = static_cast<float>(message.dominant_bonus_db()),
            .mutual_bonus_db = static_cast<float>(message.mutual_bonus_db())};
  }

 private:
  // One bit for each value; `all` if the list is empty.
  template <typename E, typename List>
  uint8_t mask(const List& list, uint8_t all, const std::string& path) {
    uint8_t bits = 0;
    for (int i = 0; i < list.size(); ++i) {
      bits |= bitOf(enumerator<E>(list.Get(i), path + "[" + std::to_string(i) + "]"));
    }
    return list.empty() ? all : bits;
  }

  PlayerMatch match(const Message::Players& message, const std::string& path) {
    return {.tags = {message.tags().begin(), message.tags().end()},
            .without_tags = {message.without_tags().begin(), message.without_tags().end()},
            .roles = mask<Role>(message.roles(), kAllRoles, path + ".roles"),
            .modes = mask<Mode>(message.modes(), kAllModes, path + ".modes")};
  }

  Proximity proximity(const Message::Proximity& message, const std::string& path) {
    return {.audible_distance = static_cast<float>(message.audible_distance()),
            .conversational_distance = static_cast<float>(message.conversational_distance()),
            .fade_model = enumerator<FadeModel>(message.fade_model(), path + ".fade_model"),
            .fade_intensity = static_cast<float>(message.fade_intensity()),
            .hysteresis = static_cast<float>(message.hysteresis()),
            .whisper_factor = static_cast<float>(message.whisper_factor()),
            .shout_factor = static_cast<float>(message.shout_factor())};
  }

  Errors& errors_;
};

}  // namespace

Result<Settings> readSettings(const sluice::Audibility& written) {
  sluice::Audibility message = written;
  Errors errors = applyFieldOptions(message);
  Reading reading(errors);
  Settings settings;
  for (int i = 0; i < message.rules_size(); ++i) {
    settings.rules.push_back(reading.rule(message.rules(i), "rules[" + std::to_string(i) + "]"));
  }
  settings.handedness = reading.enumerator<Handedness>(message.handedness(), "handedness");
  settings.selection = reading.selection(message.selection());
  if (!errors.empty()) return errors;
  TagTable tags;
  const auto compiled = RuleSet::compile(settings.rules, tags);
  if (!compiled) return compiled.errors();
  return settings;
}

}  // namespace sluice::audibility
