#include "source/audibility/decider.h"

#include <algorithm>
#include <utility>

#include "source/audibility/fade.h"

namespace sluice::audibility {
namespace {

bool blocks(const PlayerState& player, const PlayerState& other) {
  return player.has_blocks && std::ranges::binary_search(player.details->blocks, other.number);
}

// Ranks the reasons for which no rule allows a pair; the decision states the highest.
constexpr int rank(Reason reason) {
  switch (reason) {
    case Reason::kOtherTeam:
      return 1;
    case Reason::kNoCommonChannel:
      return 2;
    case Reason::kOnChannelOnly:
      return 3;
    case Reason::kBeyondReceiveRange:
    case Reason::kOutOfRange:
      return 4;
    default:
      return 0;
  }
}

void miss(Decision& decision, Reason reason, size_t rule) {
  if (rank(reason) <= rank(decision.reason)) return;
  decision.reason = reason;
  decision.rule = static_cast<RuleIndex>(rule);
}

void allow(Decision& decision, Reason reason, float gain) {
  decision.audible = true;
  decision.reason = reason;
  decision.gain = gain;
  decision.margin = 0;
}

}  // namespace

struct Decider::Pair {
  const PlayerState& receiver;
  const PairOverride* set;  // the game's override; null if there is none
  bool one_world;
  bool team_mates;
  bool team_only;  // one of them is in mode TEAM, and they are not team mates
};

Decider::Decider(const Snapshot& snapshot, uint32_t speaker, Instant now)
    : snapshot_(snapshot),
      speaker_(snapshot.players[speaker]),
      now_(now),
      muted_(now < speaker_.muted_until),
      overrides_(snapshot.overridesOf(speaker_.number)) {
  const auto rules = snapshot.rules->rules();
  for (size_t i = 0; i < rules.size(); ++i) {
    if (rules[i].speaker.matches(speaker_)) rules_ |= uint64_t{1} << i;
  }
}

Instant Decider::validUntil() const {
  Instant until = muted_ ? speaker_.muted_until : Instant::max();
  for (const PairOverride& set : overrides_) {
    if (now_ < set.end) until = std::min(until, set.end);
  }
  return until;
}

bool Decider::mayReachAnyone() const {
  const auto rules = snapshot_.rules->rules();
  for (size_t i = 0; i < rules.size(); ++i) {
    if (!mayApply(i)) continue;
    if (rules[i].kind == RuleKind::kBroadcaster && speaker_.role == Role::kBroadcaster) return true;
    const bool by_team = rules[i].teams == Teams::kSame || speaker_.mode == Mode::kTeam;
    const bool open = rules[i].kind == RuleKind::kEveryone || rules[i].kind == RuleKind::kAllow;
    if (open && !by_team) return true;
  }
  return false;
}

Decider::Limits Decider::limitsOf(const Proximity& range, const VocalRange& voice) {
  float factor = 1;
  switch (voice.voice) {
    case Voice::kWhisper:
      factor = range.whisper_factor;
      break;
    case Voice::kShout:
      factor = range.shout_factor;
      break;
    case Voice::kDistance:
      factor = voice.distance / range.audible_distance;
      break;
    case Voice::kNormal:
      break;
  }
  const float audible = voice.voice == Voice::kDistance ? voice.distance : range.audible_distance * factor;
  return {.conversational = range.conversational_distance * factor, .audible = audible};
}

const PairOverride* Decider::overrideFor(uint32_t receiver) const {
  if (overrides_.empty()) return nullptr;
  const auto it = std::ranges::lower_bound(overrides_, receiver, {}, &PairOverride::receiver);
  if (it == overrides_.end() || it->receiver != receiver || now_ >= it->end) return nullptr;
  return &*it;
}

Decision Decider::decide(uint32_t receiver_index, RuleIndex held) const {
  const PlayerState& receiver = snapshot_.players[receiver_index];
  const bool team_mates = areTeamMates(speaker_, receiver);
  const bool team_mode = speaker_.mode == Mode::kTeam || receiver.mode == Mode::kTeam;
  const Pair pair{.receiver = receiver,
                  .set = overrideFor(receiver.number),
                  .one_world = speaker_.world == receiver.world,
                  .team_mates = team_mates,
                  .team_only = team_mode && !team_mates};
  Decision decision;
  decision.priority = speaker_.priority;
  if (pair.one_world) decision.distance = distanceBetween(speaker_.position, receiver.position);
  if (!decideBeforeRules(pair, decision)) decideByRules(pair, held, decision);
  if (decision.audible && pair.set != nullptr) {
    decision.gain *= pair.set->gain;
    decision.low_pass_hz = pair.set->low_pass_hz;
  }
  return decision;
}

bool Decider::decideBeforeRules(const Pair& pair, Decision& decision) const {
  const PlayerState& receiver = pair.receiver;
  const auto refuse = [&](Reason reason) {
    decision.reason = reason;
    return true;
  };
  if (&receiver == &speaker_) return refuse(Reason::kSelf);
  if (!pair.one_world && !snapshot_.rules->crossesWorlds()) return refuse(Reason::kOtherWorld);
  if (blocks(speaker_, receiver) || blocks(receiver, speaker_)) return refuse(Reason::kBlocked);
  if (muted_) return refuse(Reason::kMuted);
  if (receiver.deafened) return refuse(Reason::kDeafened);
  if (pair.set == nullptr || pair.set->force == Force::kNone) return false;
  if (pair.set->force == Force::kOff) return refuse(Reason::kForcedOff);
  if (!pair.one_world) return false;
  allow(decision, Reason::kForcedOn, 1);
  return true;
}

bool Decider::applies(const CompiledRule& rule, const Pair& pair) const {
  if (!pair.one_world && !rule.any_world) return false;
  if (rule.teams == Teams::kSame && !pair.team_mates) return false;
  if (rule.teams == Teams::kDifferent && pair.team_mates) return false;
  const bool ignores_mode = rule.kind == RuleKind::kBroadcaster || rule.kind == RuleKind::kDeny;
  return (ignores_mode || !pair.team_only) && rule.receiver.matches(pair.receiver);
}

void Decider::decideByRules(const Pair& pair, RuleIndex held, Decision& decision) const {
  const auto rules = snapshot_.rules->rules();
  size_t suspended_by = rules.size();  // the channels rule that suspends proximity rules
  for (size_t i = 0; i < rules.size(); ++i) {
    const CompiledRule& rule = rules[i];
    if (!mayApply(i) || !applies(rule, pair)) continue;
    bool decided = false;
    switch (rule.kind) {
      case RuleKind::kEveryone:
        decided = true;
        allow(decision, Reason::kEveryone, 1);
        break;
      case RuleKind::kAllow:
        decided = true;
        allow(decision, Reason::kAllowed, 1);
        break;
      case RuleKind::kDeny:
        decided = true;
        decision.reason = Reason::kDenied;
        decision.margin = 0;
        break;
      case RuleKind::kSameTeam:
        decided = pair.team_mates;
        if (decided) allow(decision, Reason::kSameTeam, 1);
        if (!decided) miss(decision, Reason::kOtherTeam, i);
        break;
      case RuleKind::kBroadcaster:
        decided = speaker_.role == Role::kBroadcaster;
        if (decided) allow(decision, Reason::kBroadcaster, 1);
        break;
      case RuleKind::kChannels:
        if (!speaker_.talks_on_channel) break;
        decided = tryChannels(pair, decision);
        if (!decided) miss(decision, Reason::kNoCommonChannel, i);
        if (!rule.heard_nearby && suspended_by == rules.size()) suspended_by = i;
        break;
      case RuleKind::kProximity:
        if (suspended_by < rules.size()) {
          miss(decision, Reason::kOnChannelOnly, suspended_by);
        } else {
          decided = tryProximity(i, pair, held == i, decision);
        }
        break;
    }
    if (!decided) continue;
    decision.rule = static_cast<RuleIndex>(i);
    return;
  }
  if (pair.one_world && !pair.team_only) return;
  decision.reason = pair.one_world ? Reason::kTeamMode : Reason::kOtherWorld;
  decision.rule = kNoRule;
  decision.margin = 0;
}

bool Decider::tryProximity(size_t rule, const Pair& pair, bool held, Decision& decision) const {
  const Proximity& range = snapshot_.rules->rules()[rule].proximity;
  const Limits limits = limitsOf(range, speaker_.vocal_range);
  const float limit = std::min(limits.audible, pair.receiver.receive_range);
  const float margin = limit + (held ? range.hysteresis : 0) - decision.distance;
  if (margin >= 0) {
    const bool inside = decision.distance <= limit;
    allow(decision, inside ? Reason::kInRange : Reason::kHeldInRange,
          fade(range, limits.conversational, limits.audible, decision.distance));
    decision.margin = margin;
    return true;
  }
  const bool capped = decision.distance <= limits.audible;
  const Reason reason = capped ? Reason::kBeyondReceiveRange : Reason::kOutOfRange;
  if (rank(decision.reason) < rank(reason) || margin > decision.margin) {
    decision.reason = reason;
    decision.rule = static_cast<RuleIndex>(rule);
    decision.margin = margin;
  }
  return false;
}

bool Decider::tryChannels(const Pair& pair, Decision& decision) const {
  const Channel* best = nullptr;
  for (const Channel& heard : pair.receiver.details->channels) {
    if (!heard.isHeard()) continue;
    const auto is_talked_on = [&](const Channel& channel) {
      return channel.talk && channel.name == heard.name;
    };
    if (std::ranges::none_of(speaker_.details->channels, is_talked_on)) continue;
    const auto value = [](const Channel& channel) { return std::pair(channel.priority, channel.gain); };
    if (best == nullptr || value(heard) > value(*best)) best = &heard;
  }
  if (best == nullptr) return false;
  allow(decision, Reason::kChannel, best->gain);
  decision.priority = std::max(decision.priority, best->priority);
  return true;
}

}  // namespace sluice::audibility
