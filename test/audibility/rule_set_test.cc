#include "source/audibility/rule_set.h"

#include <doctest/doctest.h>

#include <limits>

#include "test/audibility/room_builder.h"

namespace sluice::audibility::test {
namespace {

std::string errorsOf(std::vector<Rule> rules) {
  TagTable tags;
  const auto compiled = RuleSet::compile(std::move(rules), tags);
  return compiled ? "" : toString(compiled.errors());
}

Rule with(Rule rule, void (*change)(Rule&)) {
  change(rule);
  return rule;
}

TEST_CASE("RuleSet: contradictions are errors that name the field") {
  struct {
    Rule rule;
    const char* error;
  } const cases[] = {
      {with(proximity(10), [](Rule& r) { r.proximity.conversational_distance = 11; }),
       "rules[0].proximity.conversational_distance: must be 0 to audible_distance"},
      {proximity(10, 10), "rules[0].proximity.hysteresis: must be 0 to less than audible_distance"},
      {with(proximity(10),
            [](Rule& r) {
              r.proximity.conversational_distance = 0;
              r.proximity.fade_model = FadeModel::kInverse;
            }),
       "rules[0].proximity.conversational_distance: must be greater than 0 with fade_model INVERSE and "
       "EXPONENTIAL, which divide by it"},
      {with(proximity(10), [](Rule& r) { r.proximity.hysteresis = std::numeric_limits<float>::quiet_NaN(); }),
       "rules[0].proximity.hysteresis: must be 0 to less than audible_distance"},
      {with(proximity(10), [](Rule& r) { r.any_world = true; }),
       "rules[0].any_world: contradicts proximity: worlds have no common coordinates"},
      {with(rule(RuleKind::kAllow),
            [](Rule& r) {
              r.speaker.tags = {"spy", "dead"};
              r.speaker.without_tags = {"dead"};
            }),
       "rules[0].speaker.without_tags: has a tag that is also in tags, so it matches no player"},
      {with(rule(RuleKind::kSameTeam), [](Rule& r) { r.teams = Teams::kDifferent; }),
       "rules[0].teams: contradicts same_team"},
      {with(rule(RuleKind::kBroadcaster), [](Rule& r) { r.speaker.roles = bitOf(Role::kPlayer); }),
       "rules[0].speaker.roles: contradicts broadcaster"},
      {with(rule(RuleKind::kAllow), [](Rule& r) { r.receiver.tags = {""}; }),
       "rules[0].receiver.tags[0]: is empty"},
  };
  for (const auto& c : cases) CHECK(errorsOf({c.rule}) == c.error);
}

TEST_CASE("RuleSet: a rule that can never decide is an error") {
  const Rule everyone = rule(RuleKind::kEveryone);
  const Rule channels = rule(RuleKind::kChannels);
  const Rule team = rule(RuleKind::kSameTeam);
  const Rule deny = rule(RuleKind::kDeny);
  const Rule broadcaster = rule(RuleKind::kBroadcaster);
  const Rule friends = with(proximity(50), [](Rule& r) { r.teams = Teams::kSame; });
  const Rule dead = with(rule(RuleKind::kAllow), [](Rule& r) { r.speaker.tags = {"dead"}; });
  const Rule any_world = with(channels, [](Rule& r) { r.any_world = true; });
  struct {
    std::vector<Rule> rules;
    bool reachable;
  } const cases[] = {
      {{everyone, proximity(10)}, false},
      {{everyone, any_world}, true},
      {{deny, everyone}, false},
      {{dead, everyone}, true},
      {{everyone, dead}, false},
      {{team, friends}, false},
      {{friends, team}, true},
      {{proximity(50), friends}, false},
      {{friends, proximity(10)}, true},
      {{proximity(10), proximity(50)}, true},
      {{proximity(50), proximity(10)}, false},
      {{proximity(50), proximity(10, 2)}, true},
      {{channels, channels}, true},
      {{everyone, broadcaster}, true},  // for receivers in mode TEAM
      {{deny, broadcaster}, false},
  };
  for (const auto& c : cases) {
    const std::string errors = errorsOf(c.rules);
    CAPTURE(errors);
    CHECK(errors.empty() == c.reachable);
  }
  CHECK(errorsOf({everyone, proximity(10)}) ==
        "rules[1]: is unreachable: rules[0] (everyone) decides about every pair that it matches");
}

TEST_CASE("RuleSet: the numbers of rules and tags are limited, and names are unique") {
  CHECK(errorsOf(std::vector<Rule>(65, rule(RuleKind::kChannels))) ==
        "rules: has 65 elements; at most 64 are allowed");
  Rule many = rule(RuleKind::kAllow);
  for (int i = 0; i < 65; ++i) many.speaker.tags.push_back("tag" + std::to_string(i));
  CHECK(errorsOf({many}) == "rules[0].speaker.tags: has 65 elements; at most 64 are allowed");
  Rule radio = rule(RuleKind::kChannels);
  radio.name = "radio";
  CHECK(errorsOf({radio, radio}) == "rules[1].name: is also the name of another rule");
}

TEST_CASE("RuleSet: tags stay unchanged on errors") {
  TagTable tags;
  Rule rule = proximity(10, 10);
  rule.speaker.tags = {"dead"};
  CHECK_FALSE(RuleSet::compile({rule}, tags).ok());
  CHECK(tags.find("dead") == 0);
}

TEST_CASE("RuleSet: rules without effect are warnings") {
  TagTable tags;
  Rule radio = rule(RuleKind::kChannels);
  radio.heard_nearby = false;
  const auto compiled = RuleSet::compile({proximity(10), radio, rule(RuleKind::kDeny)}, tags);
  REQUIRE(compiled.ok());
  CHECK(toString((*compiled)->warnings()) ==
        "rules[1].channels.heard_nearby: has no effect: no proximity rule follows\n"
        "rules[2]: has no effect: no rule follows that it could prevent");
}

TEST_CASE("RuleSet: a rule is described by its name or its place") {
  TagTable tags;
  Rule radio = rule(RuleKind::kChannels);
  radio.name = "radio";
  const auto compiled = RuleSet::compile({radio, proximity(10)}, tags);
  REQUIRE(compiled.ok());
  CHECK((*compiled)->describe(0) == "radio");
  CHECK((*compiled)->describe(1) == "rules[1] (proximity)");
  CHECK((*compiled)->range() == 10);
}

}  // namespace
}  // namespace sluice::audibility::test
