#include "source/audibility/rule_set.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <string_view>

#include "source/audibility/limits.h"
#include "source/audibility/rule_checks.h"
#include "source/base/enum_size.h"

namespace sluice::audibility {
namespace {

constexpr std::array<std::string_view, kEnumSize<RuleKind>> kKinds = {
    "everyone", "same_team", "proximity", "channels", "broadcaster", "allow", "deny"};

uint64_t intern(const std::vector<std::string>& tags, const std::string& path, TagTable& table,
                Errors& errors) {
  uint64_t mask = 0;
  if (tags.size() > TagTable::kMaxTags) {
    errors.push_back({path, "has " + std::to_string(tags.size()) + " elements; at most 64 are allowed"});
    return mask;
  }
  for (size_t i = 0; i < tags.size(); ++i) {
    const std::string element = path + "[" + std::to_string(i) + "]";
    if (tags[i].empty()) {
      errors.push_back({element, "is empty"});
    } else if (tags[i].size() > kMaxNameLength) {
      errors.push_back({element, "is longer than 128 bytes"});
    } else if (const auto bit = table.intern(tags[i])) {
      mask |= *bit;
    } else {
      errors.push_back({element, "exceeds the limit of 64 tags per room"});
    }
  }
  return mask;
}

CompiledMatch compile(const PlayerMatch& match, const std::string& path, TagTable& table, Errors& errors) {
  return {.tags = intern(match.tags, path + ".tags", table, errors),
          .without_tags = intern(match.without_tags, path + ".without_tags", table, errors),
          .roles = match.roles,
          .modes = match.modes};
}

void checkNames(const std::vector<Rule>& rules, Errors& errors) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < rules.size(); ++i) {
    if (rules[i].name.size() > kMaxNameLength) {
      errors.push_back({rulePath(i) + ".name", "is longer than 128 bytes"});
    }
    if (rules[i].name.empty() || names.insert(rules[i].name).second) continue;
    errors.push_back({rulePath(i) + ".name", "is also the name of another rule"});
  }
}

}  // namespace

std::string_view text(RuleKind kind) {
  return kKinds[static_cast<size_t>(kind)];
}

std::string RuleSet::describe(RuleIndex index) const {
  if (index >= written_.size()) return std::string(text(RuleKind::kEveryone));  // of the empty list
  if (!written_[index].name.empty()) return written_[index].name;
  return rulePath(index) + " (" + std::string(text(written_[index].kind)) + ")";
}

Result<RuleSetPtr> RuleSet::compile(std::vector<Rule> rules, TagTable& tags) {
  if (rules.size() > kMaxRules) {
    return Error{"rules", "has " + std::to_string(rules.size()) + " elements; at most " +
                              std::to_string(kMaxRules) + " are allowed"};
  }
  Errors errors;
  TagTable table = tags;
  std::shared_ptr<RuleSet> set(new RuleSet);
  for (size_t i = 0; i < rules.size(); ++i) {
    const Rule& rule = rules[i];
    set->compiled_.push_back(
        {.kind = rule.kind,
         .teams = rule.teams,
         .any_world = rule.any_world,
         .heard_nearby = rule.heard_nearby,
         .speaker = audibility::compile(rule.speaker, rulePath(i) + ".speaker", table, errors),
         .receiver = audibility::compile(rule.receiver, rulePath(i) + ".receiver", table, errors),
         .proximity = rule.proximity});
  }
  if (set->compiled_.empty()) set->compiled_.emplace_back();
  checkNames(rules, errors);
  checkRules(set->compiled_, errors, set->warnings_);
  if (!errors.empty()) return errors;
  for (const CompiledRule& rule : set->compiled_) {
    set->crosses_worlds_ |= rule.any_world;
    set->tags_ |=
        rule.speaker.tags | rule.speaker.without_tags | rule.receiver.tags | rule.receiver.without_tags;
    if (rule.kind != RuleKind::kProximity) continue;
    set->range_ = std::max(set->range_, rule.proximity.audible_distance + rule.proximity.hysteresis);
  }
  set->written_ = std::move(rules);
  tags = std::move(table);
  return RuleSetPtr(std::move(set));
}

}  // namespace sluice::audibility
