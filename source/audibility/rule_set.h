// A room's rules, checked and compiled. Immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "source/audibility/rule.h"
#include "source/audibility/tag_table.h"
#include "source/base/result.h"

namespace sluice::audibility {

inline constexpr size_t kMaxRules = 64;

// The index of a rule; kNoRule where no rule decided.
using RuleIndex = uint8_t;
inline constexpr RuleIndex kNoRule = UINT8_MAX;

struct CompiledMatch {
  uint64_t tags = 0;
  uint64_t without_tags = 0;
  uint8_t roles = kAllRoles;
  uint8_t modes = kAllModes;

  bool matches(const PlayerState& player) const {
    return (player.tags & tags) == tags && (player.tags & without_tags) == 0 &&
           (bitOf(player.role) & roles) != 0 && (bitOf(player.mode) & modes) != 0;
  }
  // True if every player that `other` matches is matched by this.
  bool covers(const CompiledMatch& other) const {
    return (tags & ~other.tags) == 0 && (without_tags & ~other.without_tags) == 0 &&
           (other.roles & ~roles) == 0 && (other.modes & ~modes) == 0;
  }
};

struct CompiledRule {
  RuleKind kind = RuleKind::kEveryone;
  Teams teams = Teams::kAny;
  bool any_world = false;
  bool heard_nearby = true;
  CompiledMatch speaker{};
  CompiledMatch receiver{};
  Proximity proximity{};
};

class RuleSet {
 public:
  // Adds the rules' tags to `tags`, which is unchanged on errors. An empty list means the one rule
  // "everyone". Errors have paths such as "rules[2].proximity.hysteresis": a rule contradicts itself or can
  // never decide, a name is used twice, or there are too many rules or tags.
  static Result<std::shared_ptr<const RuleSet>> compile(std::vector<Rule> rules, TagTable& tags);

  std::span<const CompiledRule> rules() const { return compiled_; }
  const std::vector<Rule>& written() const { return written_; }
  // The rule's name, or "rules[2] (proximity)" if it has none. `index` is not kNoRule.
  std::string describe(RuleIndex index) const;

  // Rules that have no effect but harm nothing, with their paths.
  const Errors& warnings() const { return warnings_; }
  bool crossesWorlds() const { return crosses_worlds_; }
  // The largest sum of audible distance, for a normal voice, and hysteresis; 0 without proximity rules.
  float range() const { return range_; }
  // The bits of all tags in the rules.
  uint64_t tags() const { return tags_; }

 private:
  RuleSet() = default;

  std::vector<Rule> written_;
  std::vector<CompiledRule> compiled_;
  Errors warnings_;
  bool crosses_worlds_ = false;
  float range_ = 0;
  uint64_t tags_ = 0;
};

using RuleSetPtr = std::shared_ptr<const RuleSet>;

// The name in api/audibility.proto, such as "same_team".
std::string_view text(RuleKind kind);

}  // namespace sluice::audibility
