#include "source/audibility/settings.h"

#include <doctest/doctest.h>
#include <google/protobuf/text_format.h>

#include <string>

namespace sluice::audibility {
namespace {

Result<RoomRules> read(const std::string& text) {
  sluice::Audibility message;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &message));
  return readRules(message);
}

std::string errorsOf(const std::string& text) {
  const auto settings = read(text);
  return settings ? "" : toString(settings.errors());
}

TEST_CASE("readRules: an empty message has no rules and the defaults of the selection") {
  const auto settings = read("");
  REQUIRE(settings.ok());
  CHECK(settings->rules.empty());
  CHECK(settings->handedness == Handedness::kRight);
  CHECK(settings->selection.max_speakers == 20);
  CHECK(settings->selection.rank_by == Selection::RankBy::kBoth);
  CHECK(settings->selection.hysteresis_db == 6);
  CHECK(settings->selection.min_hold == 500ms);
  CHECK(settings->selection.hold == 500ms);
  CHECK(settings->selection.dominant_bonus_db == 6);
  CHECK(settings->selection.mutual_bonus_db == 0);
}

TEST_CASE("readRules: each kind of rule is read, with its defaults") {
  const auto settings = read(R"(
    handedness: LEFT_HANDED
    selection { rank_by: LOUDNESS max_speakers: 4 }
    rules { deny {} speaker { tags: "dead" } receiver { without_tags: "dead" roles: [PLAYER, SPECTATOR] } }
    rules { name: "announcer" broadcaster {} any_world: true }
    rules { allow {} receiver { tags: "spy" } speaker { modes: WORLD } }
    rules { same_team {} }
    rules { channels { heard_nearby: false } }
    rules { proximity {} teams: DIFFERENT }
    rules { everyone {} receiver { roles: SPECTATOR } }
  )");
  if (!settings) FAIL(toString(settings.errors()));
  const auto& rules = settings->rules;
  REQUIRE(rules.size() == 7);
  CHECK(settings->handedness == Handedness::kLeft);
  CHECK(settings->selection.rank_by == Selection::RankBy::kLoudness);
  CHECK(settings->selection.max_speakers == 4);
  CHECK(rules[0].kind == RuleKind::kDeny);
  CHECK(rules[0].speaker.tags == std::vector<std::string>{"dead"});
  CHECK(rules[0].receiver.without_tags == std::vector<std::string>{"dead"});
  CHECK(rules[0].receiver.roles == (bitOf(Role::kPlayer) | bitOf(Role::kSpectator)));
  CHECK(rules[0].receiver.modes == kAllModes);
  CHECK(rules[1].kind == RuleKind::kBroadcaster);
  CHECK(rules[1].name == "announcer");
  CHECK(rules[1].any_world);
  CHECK(rules[2].kind == RuleKind::kAllow);
  CHECK(rules[2].speaker.modes == bitOf(Mode::kWorld));
  CHECK(rules[3].kind == RuleKind::kSameTeam);
  CHECK(rules[4].kind == RuleKind::kChannels);
  CHECK_FALSE(rules[4].heard_nearby);
  CHECK(rules[5].kind == RuleKind::kProximity);
  CHECK(rules[5].teams == Teams::kDifferent);
  CHECK(rules[5].proximity.audible_distance == 32);
  CHECK(rules[5].proximity.conversational_distance == 1);
  CHECK(rules[5].proximity.fade_model == FadeModel::kInverse);
  CHECK(rules[5].proximity.fade_intensity == 1);
  CHECK(rules[5].proximity.hysteresis == 1);
  CHECK(rules[5].proximity.whisper_factor == 0.4F);
  CHECK(rules[5].proximity.shout_factor == 2);
  CHECK(rules[6].kind == RuleKind::kEveryone);
}

TEST_CASE("readRules: errors name the field") {
  struct {
    const char* text;
    const char* error;
  } const cases[] = {
      {"rules { name: 'nothing' }", "rules[0]: has no kind, such as proximity or same_team"},
      {"rules { proximity { audible_distance: nan } }",
       "rules[0].proximity.audible_distance: must be 0.01 to 1000000"},
      {"rules { proximity { audible_distance: 10 hysteresis: 10 } }",
       "rules[0].proximity.hysteresis: must be 0 to less than audible_distance"},
      {"rules { everyone {} } rules { proximity {} }",
       "rules[1]: is unreachable: rules[0] (everyone) decides about every pair that it matches"},
      {"selection { max_speakers: 65 }", "selection.max_speakers: must be 1 to 64"},
  };
  for (const auto& c : cases) CHECK(errorsOf(c.text) == c.error);
}

TEST_CASE("readRules: values of enums that this version lacks are errors") {
  sluice::Audibility message;
  auto* rule = message.add_rules();
  rule->mutable_proximity()->set_fade_model(static_cast<sluice::Audibility::Proximity::FadeModel>(9));
  rule->set_teams(static_cast<sluice::Audibility::Teams>(-1));
  rule->mutable_speaker()->add_roles(static_cast<sluice::Audibility::Role>(7));
  const auto settings = readRules(message);
  REQUIRE_FALSE(settings.ok());
  CHECK(toString(settings.errors()) ==
        "rules[0].speaker.roles[0]: must be PLAYER, SPECTATOR or BROADCASTER\n"
        "rules[0].teams: must be ANY, SAME or DIFFERENT\n"
        "rules[0].proximity.fade_model: must be INVERSE, LINEAR, EXPONENTIAL or NONE");
}

}  // namespace
}  // namespace sluice::audibility
