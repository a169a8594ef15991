#include "test/audibility/random_room.h"

#include <limits>

namespace sluice::audibility::test {
namespace {

const std::vector<std::string> kTags = {"dead", "alive", "spy"};
const std::vector<std::string> kChannels = {"air", "sea", "land"};
const std::vector<std::string> kWorlds = {"", "moon"};
const std::vector<std::string> kTeams = {"", "red", "blue"};

}  // namespace

std::vector<std::string> RandomRoom::someOf(const std::vector<std::string>& texts, unsigned one_in) {
  std::vector<std::string> some;
  for (const std::string& text : texts) {
    if (oneIn(one_in)) some.push_back(text);
  }
  return some;
}

PlayerMatch RandomRoom::match() {
  PlayerMatch match{.tags = someOf(kTags, 8), .without_tags = someOf(kTags, 8)};
  if (oneIn(8)) match.roles = static_cast<uint8_t>(1 + below(kAllRoles));
  if (oneIn(8)) match.modes = static_cast<uint8_t>(1 + below(kAllModes));
  return match;
}

// Distances are multiples of a quarter and positions are integers, so that players stand exactly on borders.
Proximity RandomRoom::proximity() {
  const auto audible = static_cast<float>(2 + below(12));
  return {.audible_distance = audible,
          .conversational_distance = static_cast<float>(1 + below(2)),
          .fade_model = static_cast<FadeModel>(below(4)),
          .fade_intensity = static_cast<float>(below(5)) / 2,
          .hysteresis = oneIn(3) ? 0 : static_cast<float>(1 + below(3)) / 2,
          .whisper_factor = 0.5F,
          .shout_factor = oneIn(2) ? 2.0F : 1.5F};
}

std::vector<Rule> RandomRoom::rules() {
  std::vector<Rule> rules(below(6));
  for (Rule& rule : rules) {
    rule.kind = static_cast<RuleKind>(below(kEnumSize<RuleKind>));
    if (oneIn(3)) rule.kind = RuleKind::kProximity;
    if (rule.kind == RuleKind::kProximity) rule.proximity = proximity();
    rule.heard_nearby = oneIn(2);
    rule.speaker = match();
    rule.receiver = match();
    if (oneIn(4)) rule.teams = oneIn(2) ? Teams::kSame : Teams::kDifferent;
    rule.any_world = oneIn(6) && rule.kind != RuleKind::kProximity;
  }
  return rules;
}

Instant RandomRoom::end(Instant now) {
  return oneIn(5) ? Instant::max() : now + std::chrono::milliseconds{below(1500)};
}

float RandomRoom::coordinate() {
  return static_cast<float>(below(15)) - 7 + (oneIn(8) ? static_cast<float>(below(1000)) / 1000 : 0);
}

PlayerUpdate RandomRoom::update(uint32_t number, const std::vector<uint32_t>& players, Instant now) {
  PlayerUpdate update{.number = number};
  if (!oneIn(4)) update.position = Vector3{coordinate(), coordinate(), oneIn(3) ? coordinate() : 0};
  if (oneIn(3)) update.world = oneIn(6) ? kWorlds[1] : kWorlds[0];
  if (oneIn(3)) update.team = kTeams[below(3)];
  if (oneIn(6)) update.mode = oneIn(3) ? Mode::kTeam : Mode::kWorld;
  if (oneIn(6)) update.role = static_cast<Role>(below(kEnumSize<Role>));
  if (oneIn(6)) update.priority = static_cast<uint8_t>(below(3));
  if (oneIn(3)) {
    update.vocal_range = {static_cast<Voice>(below(kEnumSize<Voice>)), static_cast<float>(below(10))};
  }
  if (oneIn(6)) {
    update.receive_range = oneIn(3) ? std::numeric_limits<float>::infinity() : static_cast<float>(below(12));
  }
  if (oneIn(10)) update.muted_until = end(now);
  if (oneIn(10)) update.deafened = oneIn(2);
  if (oneIn(10)) {
    update.blocks.emplace();
    for (unsigned n = below(3); n > 0; --n) update.blocks->push_back(players[below(players.size())]);
  }
  if (oneIn(3)) update.tags = someOf(kTags, 3);
  if (oneIn(3)) {
    update.channels.emplace();
    for (const std::string& name : someOf(kChannels, 2)) {
      update.channels->push_back({.name = name,
                                  .gain = static_cast<float>(below(5)) / 4,
                                  .priority = static_cast<uint8_t>(below(3)),
                                  .listen = !oneIn(3),
                                  .talk = oneIn(3)});
    }
  }
  return update;
}

PairOverride RandomRoom::override(const std::vector<uint32_t>& players, Instant now) {
  return {.speaker = players[below(players.size())],
          .receiver = players[below(players.size())],
          .force = static_cast<Force>(below(kEnumSize<Force>)),
          .gain = static_cast<float>(below(5)) / 4,
          .low_pass_hz = oneIn(2) ? 0.0F : 800.0F,
          .end = end(now)};
}

Batch RandomRoom::batch(const std::vector<uint32_t>& players, Instant now) {
  Batch batch;
  for (const uint32_t number : players) {
    if (!oneIn(3)) batch.players.push_back(update(number, players, now));
  }
  if (players.empty()) return batch;
  for (unsigned n = oneIn(3) ? below(4) : 0; n > 0; --n) batch.overrides.push_back(override(players, now));
  for (unsigned n = oneIn(6) ? below(4) : 0; n > 0; --n) {
    batch.cleared_overrides.push_back(
        {.speaker = players[below(players.size())], .receiver = players[below(players.size())]});
  }
  return batch;
}

}  // namespace sluice::audibility::test
