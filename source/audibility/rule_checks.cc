#include "source/audibility/rule_checks.h"

#include <algorithm>
#include <cmath>

namespace sluice::audibility {
namespace {

void checkProximity(const CompiledRule& rule, const std::string& path, Errors& errors) {
  const Proximity& range = rule.proximity;
  const std::string field = path + ".proximity.";
  const auto require = [&](bool holds, const char* name, const char* message) {
    if (!holds) errors.push_back({field + name, message});
  };
  // Written so that NaN fails.
  require(range.audible_distance > 0 && std::isfinite(range.audible_distance), "audible_distance",
          "must be greater than 0");
  require(range.conversational_distance >= 0 && range.conversational_distance <= range.audible_distance,
          "conversational_distance", "must be 0 to audible_distance");
  require(range.hysteresis >= 0 && range.hysteresis < range.audible_distance, "hysteresis",
          "must be 0 to less than audible_distance");
  require(range.fade_intensity >= 0 && std::isfinite(range.fade_intensity), "fade_intensity",
          "must be at least 0");
  require(range.whisper_factor > 0 && std::isfinite(range.whisper_factor), "whisper_factor",
          "must be greater than 0");
  require(range.shout_factor > 0 && std::isfinite(range.shout_factor), "shout_factor",
          "must be greater than 0");
  const bool divides = range.fade_model == FadeModel::kInverse || range.fade_model == FadeModel::kExponential;
  require(!divides || range.conversational_distance != 0, "conversational_distance",
          "must be greater than 0 with fade_model INVERSE and EXPONENTIAL, which divide by it");
  if (rule.any_world) {
    errors.push_back({path + ".any_world", "contradicts proximity: worlds have no common coordinates"});
  }
}

void checkMatch(const CompiledMatch& match, const std::string& path, Errors& errors) {
  if ((match.tags & match.without_tags) != 0) {
    errors.push_back({path + ".without_tags", "has a tag that is also in tags, so it matches no player"});
  }
  if (match.roles == 0) errors.push_back({path + ".roles", "matches no player"});
  if (match.modes == 0) errors.push_back({path + ".modes", "matches no player"});
}

void checkRule(const CompiledRule& rule, const std::string& path, Errors& errors) {
  checkMatch(rule.speaker, path + ".speaker", errors);
  checkMatch(rule.receiver, path + ".receiver", errors);
  if (rule.kind == RuleKind::kProximity) checkProximity(rule, path, errors);
  if (rule.kind == RuleKind::kSameTeam && rule.teams == Teams::kDifferent) {
    errors.push_back({path + ".teams", "contradicts same_team"});
  }
  if (rule.kind == RuleKind::kBroadcaster && (rule.speaker.roles & bitOf(Role::kBroadcaster)) == 0) {
    errors.push_back({path + ".speaker.roles", "contradicts broadcaster"});
  }
}

// The rule with the conditions that its kind implies.
CompiledRule withImplied(CompiledRule rule) {
  if (rule.kind == RuleKind::kSameTeam) rule.teams = Teams::kSame;
  if (rule.kind == RuleKind::kBroadcaster) rule.speaker.roles &= bitOf(Role::kBroadcaster);
  return rule;
}

bool isAlwaysInRangeOf(const Proximity& inner, const Proximity& outer) {
  return outer.audible_distance >= inner.audible_distance && outer.hysteresis >= inner.hysteresis &&
         outer.audible_distance * outer.whisper_factor >= inner.audible_distance * inner.whisper_factor &&
         outer.audible_distance * outer.shout_factor >= inner.audible_distance * inner.shout_factor;
}

// True if `earlier` decides about every pair about which `later` could. Both are with implied conditions.
bool hides(const CompiledRule& earlier, const CompiledRule& later) {
  if (!earlier.speaker.covers(later.speaker) || !earlier.receiver.covers(later.receiver)) return false;
  if (earlier.teams != Teams::kAny && earlier.teams != later.teams) return false;
  if (later.any_world && !earlier.any_world) return false;
  switch (earlier.kind) {
    case RuleKind::kChannels:
      return false;
    case RuleKind::kProximity:
      return later.kind == RuleKind::kProximity && isAlwaysInRangeOf(later.proximity, earlier.proximity);
    case RuleKind::kDeny:
    case RuleKind::kBroadcaster:
      return true;
    default:
      break;
  }
  // The mode TEAM suspends `earlier`, unless it requires the mode WORLD, but no broadcaster rule.
  const bool world_only =
      earlier.speaker.modes == bitOf(Mode::kWorld) && earlier.receiver.modes == bitOf(Mode::kWorld);
  return later.kind != RuleKind::kBroadcaster || earlier.teams == Teams::kSame || world_only;
}

void checkReachable(std::span<const CompiledRule> rules, Errors& errors) {
  for (size_t later = 1; later < rules.size(); ++later) {
    const auto hidden_by = [&](const CompiledRule& earlier) {
      return hides(withImplied(earlier), withImplied(rules[later]));
    };
    const auto it = std::find_if(rules.begin(), rules.begin() + static_cast<ptrdiff_t>(later), hidden_by);
    if (it == rules.begin() + static_cast<ptrdiff_t>(later)) continue;
    const auto earlier = static_cast<size_t>(it - rules.begin());
    errors.push_back({rulePath(later), "is unreachable: " + rulePath(earlier) + " (" +
                                           std::string(text(rules[earlier].kind)) +
                                           ") decides about every pair that it matches"});
  }
}

}  // namespace

void checkRules(std::span<const CompiledRule> rules, Errors& errors, Errors& warnings) {
  for (size_t i = 0; i < rules.size(); ++i) checkRule(rules[i], rulePath(i), errors);
  checkReachable(rules, errors);
  for (size_t i = 0; i < rules.size(); ++i) {
    if (rules[i].heard_nearby) continue;
    const auto is_range = [](const CompiledRule& rule) { return rule.kind == RuleKind::kProximity; };
    if (std::any_of(rules.begin() + static_cast<ptrdiff_t>(i), rules.end(), is_range)) continue;
    warnings.push_back({rulePath(i) + ".channels.heard_nearby", "has no effect: no proximity rule follows"});
  }
  // Denials at the end change only the reason that a decision gives.
  for (size_t i = rules.size(); i > 0 && rules[i - 1].kind == RuleKind::kDeny; --i) {
    warnings.push_back({rulePath(i - 1), "has no effect: no rule follows that it could prevent"});
  }
}

}  // namespace sluice::audibility
