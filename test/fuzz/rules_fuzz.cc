// Rule sets with any content: first as the bytes of a message, then as rules made of the input, among players
// that are made of it too. Each rule set is refused with errors or decides about all pairs; the hearers of
// each speaker are those that the decisions allow.
#include <google/protobuf/stubs/logging.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "source/audibility/hearers.h"
#include "source/audibility/room_state.h"
#include "source/audibility/settings.h"
#include "test/fuzz/input.h"

namespace {

using namespace sluice;
using namespace sluice::audibility;

constexpr uint32_t kPlayers = 20;  // more than Hearers decides about one by one
constexpr Instant kNow{1h};

void require(bool holds) {
  if (!holds) std::abort();
}

// Often a small integer, sometimes any float.
float number(fuzz::Input& input) {
  const uint8_t byte = input.u8();
  if (byte < 250) return static_cast<float>(byte % 50) / 2;
  return std::bit_cast<float>(uint32_t{input.u16()} << 16 | input.u16());
}

std::vector<std::string> tags(fuzz::Input& input) {
  constexpr const char* kTags[] = {"dead", "alive", "spy", ""};
  std::vector<std::string> tags;
  for (uint8_t bits = input.u8() % 4; bits > 0; --bits) tags.emplace_back(kTags[input.u8() % 16 % 4]);
  return tags;
}

PlayerMatch match(fuzz::Input& input) {
  const uint8_t bits = input.u8();
  PlayerMatch match;
  if ((bits & 1) != 0) match.tags = tags(input);
  if ((bits & 2) != 0) match.without_tags = tags(input);
  if ((bits & 4) != 0) match.roles = input.u8() & kAllRoles;
  if ((bits & 8) != 0) match.modes = input.u8() & kAllModes;
  return match;
}

std::vector<Rule> rules(fuzz::Input& input) {
  std::vector<Rule> rules(input.u8() % 70);
  for (Rule& rule : rules) {
    rule.kind = static_cast<RuleKind>(input.u8() % kEnumSize<RuleKind>);
    rule.teams = static_cast<Teams>(input.u8() % kEnumSize<Teams>);
    const uint8_t bits = input.u8();
    rule.any_world = (bits & 1) != 0;
    rule.heard_nearby = (bits & 2) != 0;
    if ((bits & 4) != 0) rule.name = std::string(1, static_cast<char>('a' + bits % 26));
    if ((bits & 8) != 0) rule.speaker = match(input);
    if ((bits & 16) != 0) rule.receiver = match(input);
    rule.proximity = {.audible_distance = number(input),
                      .conversational_distance = number(input),
                      .fade_model = static_cast<FadeModel>(input.u8() % kEnumSize<FadeModel>),
                      .fade_intensity = number(input),
                      .hysteresis = number(input),
                      .whisper_factor = number(input),
                      .shout_factor = number(input)};
  }
  return rules;
}

Batch batch(fuzz::Input& input) {
  constexpr const char* kNames[] = {"", "red", "blue", "moon"};
  Batch batch;
  for (uint32_t player = 1; player <= kPlayers; ++player) {
    PlayerUpdate update{.number = player};
    const uint8_t bits = input.u8();
    update.position = Vector3{number(input), number(input), 0};
    if ((bits & 1) != 0) update.forward = Vector3{number(input), number(input), number(input)};
    if ((bits & 2) != 0) update.team = kNames[input.u8() % 4];
    if ((bits & 4) != 0) update.world = kNames[input.u8() % 16 % 4];
    if ((bits & 8) != 0) {
      update.vocal_range = {static_cast<Voice>(input.u8() % kEnumSize<Voice>), number(input)};
      update.receive_range = number(input);
    }
    if ((bits & 16) != 0) {
      update.mode = static_cast<Mode>(input.u8() % kEnumSize<Mode>);
      update.role = static_cast<Role>(input.u8() % kEnumSize<Role>);
      update.tags = tags(input);
    }
    if ((bits & 32) != 0) {
      update.channels = {
          {.name = kNames[input.u8() % 4], .gain = number(input) / 25, .talk = input.u8() % 2 == 0}};
    }
    if ((bits & 64) != 0) {
      update.blocks = {input.u8() % kPlayers};
      update.muted_until = kNow + std::chrono::milliseconds{input.u8()};
    }
    batch.players.push_back(std::move(update));
  }
  for (uint8_t n = input.u8() % 4; n > 0; --n) {
    batch.overrides.push_back({.speaker = input.u8() % kPlayers + 1U,
                               .receiver = input.u8() % kPlayers + 1U,
                               .force = static_cast<Force>(input.u8() % kEnumSize<Force>),
                               .gain = number(input) / 25,
                               .low_pass_hz = number(input)});
  }
  return batch;
}

void checkDecision(const Decision& decision, size_t rules) {
  require(decision.audible == isAudible(decision.reason));
  require(decision.gain >= 0 && decision.gain <= 1);
  require(decision.rule == kNoRule || decision.rule < rules);
  require(!std::isnan(decision.distance) && !std::isnan(decision.margin));
}

void checkRoom(RoomState& state) {
  const SnapshotPtr snapshot = state.publish(kNow);
  Hearers hearers;
  for (uint32_t number = 1; number <= kPlayers; ++number) hearers.addReceiver(number, nullptr);
  hearers.update(snapshot);
  for (uint32_t speaker = 1; speaker <= kPlayers; ++speaker) {
    size_t audible = 0;
    const Decider decider(*snapshot, snapshot->find(speaker), kNow);
    for (uint32_t receiver = 1; receiver <= kPlayers; ++receiver) {
      const Decision decision = decider.decide(snapshot->find(receiver));
      checkDecision(decision, snapshot->rules->rules().size());
      if (decision.audible) ++audible;
    }
    const auto heard = hearers.of(speaker, kNow);
    require(heard.size() == audible);
    for (const Hearer& hearer : heard) {
      require(std::isfinite(hearer.rendering.azimuth) && std::isfinite(hearer.rendering.elevation));
    }
  }
}

void requireErrors(const Errors& errors) {
  require(!errors.empty());
  for (const Error& error : errors) require(!error.message.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  RoomState state;
  for (uint32_t number = 1; number <= kPlayers; ++number) require(state.add(number).ok());
  google::protobuf::LogSilencer silencer;  // strings that are no UTF-8
  sluice::Audibility message;
  if (message.ParseFromArray(data, static_cast<int>(size))) {
    const auto settings = readRules(message);
    if (!settings) requireErrors(settings.errors());
    if (settings) require(state.setRules(*settings).ok());
  }
  fuzz::Input input(data, size);
  while (!input.atEnd()) {
    const uint64_t version = state.version();
    const auto applied = state.apply(batch(input), kNow);
    if (!applied) requireErrors(applied.errors());
    const auto set = state.setRules({.rules = rules(input)});
    if (!set) requireErrors(set.errors());
    require(state.version() == version + (applied.ok() ? 1 : 0) + (set.ok() ? 1 : 0));
    state.warnings();
    if (applied.ok() || set.ok()) checkRoom(state);
  }
  return 0;
}
