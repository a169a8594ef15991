#include "test/audibility/oracle.h"

#include <algorithm>
#include <cmath>
#include <optional>

namespace sluice::audibility::test {
namespace {

bool matches(const PlayerMatch& match, const OraclePlayer& player) {
  for (const std::string& tag : match.tags) {
    if (!player.tags.contains(tag)) return false;
  }
  for (const std::string& tag : match.without_tags) {
    if (player.tags.contains(tag)) return false;
  }
  return (match.roles & bitOf(player.role)) != 0 && (match.modes & bitOf(player.mode)) != 0;
}

double gainAt(const Proximity& range, double scale, double d) {
  const double c = range.conversational_distance * scale, a = range.audible_distance * scale;
  const double i = range.fade_intensity;
  if (d <= c || i == 0) return 1;
  if (range.fade_model == FadeModel::kInverse) return 1 / (1 + i * (d - c) / c);
  if (range.fade_model == FadeModel::kLinear) return std::max(0.0, 1 - i * (d - c) / (a - c));
  if (range.fade_model == FadeModel::kExponential) return std::pow(c / d, i);
  return 1;
}

struct Miss {
  int rank;  // higher is nearer
  double margin;
  Reason reason;
  int rule;
};

}  // namespace

void Oracle::apply(const Batch& batch) {
  for (const PlayerUpdate& update : batch.players) {
    OraclePlayer& player = players.at(update.number);
    if (update.world) player.world = *update.world;
    if (update.team) player.team = *update.team;
    if (update.position) player.position = *update.position;
    if (update.mode) player.mode = *update.mode;
    if (update.role) player.role = *update.role;
    if (update.priority) player.priority = *update.priority;
    if (update.vocal_range) player.vocal_range = *update.vocal_range;
    if (update.receive_range) player.receive_range = *update.receive_range;
    if (update.muted_until) player.muted_until = *update.muted_until;
    if (update.deafened) player.deafened = *update.deafened;
    if (update.channels) player.channels = *update.channels;
    if (update.blocks) player.blocks = {update.blocks->begin(), update.blocks->end()};
    if (update.tags) player.tags = {update.tags->begin(), update.tags->end()};
  }
  for (const Pairing& pair : batch.cleared_overrides) overrides.erase({pair.speaker, pair.receiver});
  for (const PairOverride& set : batch.overrides) overrides[{set.speaker, set.receiver}] = set;
}

void Oracle::remove(uint32_t number) {
  players.erase(number);
  std::erase_if(overrides, [&](const auto& entry) {
    return entry.first.first == number || entry.first.second == number;
  });
}

Decision Oracle::decide(uint32_t speaker, uint32_t receiver, Instant now, int held) const {
  const OraclePlayer& from = players.at(speaker);
  const OraclePlayer& to = players.at(receiver);
  std::vector<Rule> list = rules;
  if (list.empty()) list.push_back({.kind = RuleKind::kEveryone});

  Decision decision;
  decision.priority = from.priority;
  const bool one_world = from.world == to.world;
  const double x = double{from.position.x} - to.position.x, y = double{from.position.y} - to.position.y,
               z = double{from.position.z} - to.position.z;
  const double d = std::sqrt(x * x + y * y + z * z);
  if (one_world) decision.distance = static_cast<float>(d);
  const auto end = [&](Reason reason) {
    decision.reason = reason;
    return decision;
  };
  std::optional<PairOverride> set;
  if (const auto it = overrides.find({speaker, receiver}); it != overrides.end() && now < it->second.end) {
    set = it->second;
  }
  const auto hear = [&](Reason reason, double gain, int rule) {
    decision.audible = true;
    decision.reason = reason;
    decision.rule = rule < 0 ? kNoRule : static_cast<RuleIndex>(rule);
    decision.gain = static_cast<float>(gain * (set ? set->gain : 1));
    decision.low_pass_hz = set ? set->low_pass_hz : 0;
    return decision;
  };

  if (speaker == receiver) return end(Reason::kSelf);
  const bool any_world = std::ranges::any_of(list, [](const Rule& rule) { return rule.any_world; });
  if (!one_world && !any_world) return end(Reason::kOtherWorld);
  if (from.blocks.contains(receiver) || to.blocks.contains(speaker)) return end(Reason::kBlocked);
  if (now < from.muted_until) return end(Reason::kMuted);
  if (to.deafened) return end(Reason::kDeafened);
  if (set && set->force == Force::kOff) return end(Reason::kForcedOff);
  if (set && set->force == Force::kOn && one_world) return hear(Reason::kForcedOn, 1, -1);

  const bool mates = !from.team.empty() && from.team == to.team;
  const bool team_only = !mates && (from.mode == Mode::kTeam || to.mode == Mode::kTeam);
  bool talks = false;
  for (const ChannelUpdate& channel : from.channels) talks = talks || channel.talk;
  int radio_only = -1;
  std::vector<Miss> misses;
  for (int i = 0; i < static_cast<int>(list.size()); ++i) {
    const Rule& rule = list[static_cast<size_t>(i)];
    if (!matches(rule.speaker, from) || !matches(rule.receiver, to)) continue;
    if (!one_world && !rule.any_world) continue;
    if (rule.teams == Teams::kSame && !mates) continue;
    if (rule.teams == Teams::kDifferent && mates) continue;
    if (rule.kind == RuleKind::kDeny) {
      decision.rule = static_cast<RuleIndex>(i);
      return end(Reason::kDenied);
    }
    if (rule.kind == RuleKind::kBroadcaster && from.role == Role::kBroadcaster) {
      return hear(Reason::kBroadcaster, 1, i);
    }
    if (team_only || rule.kind == RuleKind::kBroadcaster) continue;
    if (rule.kind == RuleKind::kEveryone) return hear(Reason::kEveryone, 1, i);
    if (rule.kind == RuleKind::kAllow) return hear(Reason::kAllowed, 1, i);
    if (rule.kind == RuleKind::kSameTeam) {
      if (mates) return hear(Reason::kSameTeam, 1, i);
      misses.push_back({1, 0, Reason::kOtherTeam, i});
    }
    if (rule.kind == RuleKind::kChannels && talks) {
      std::optional<ChannelUpdate> best;
      for (const ChannelUpdate& a : from.channels) {
        for (const ChannelUpdate& b : to.channels) {
          if (a.name != b.name || !a.talk || !b.listen || b.gain == 0) continue;
          if (!best || b.priority > best->priority || (b.priority == best->priority && b.gain > best->gain)) {
            best = b;
          }
        }
      }
      if (best) {
        decision.priority = std::max(decision.priority, best->priority);
        return hear(Reason::kChannel, best->gain, i);
      }
      misses.push_back({2, 0, Reason::kNoCommonChannel, i});
      if (!rule.heard_nearby && radio_only < 0) radio_only = i;
    }
    if (rule.kind == RuleKind::kProximity) {
      if (radio_only >= 0) {
        misses.push_back({3, 0, Reason::kOnChannelOnly, radio_only});
        continue;
      }
      const Proximity& range = rule.proximity;
      double scale = 1;
      if (from.vocal_range.voice == Voice::kWhisper) scale = range.whisper_factor;
      if (from.vocal_range.voice == Voice::kShout) scale = range.shout_factor;
      if (from.vocal_range.voice == Voice::kDistance) {
        scale = double{from.vocal_range.distance} / range.audible_distance;
      }
      const double reach = range.audible_distance * scale;
      const double limit = std::min(reach, to.receive_range);
      const double allowed = limit + (held == i ? range.hysteresis : 0);
      if (d <= allowed) {
        decision.margin = static_cast<float>(allowed - d);
        return hear(d <= limit ? Reason::kInRange : Reason::kHeldInRange, gainAt(range, scale, d), i);
      }
      misses.push_back({4, allowed - d, d <= reach ? Reason::kBeyondReceiveRange : Reason::kOutOfRange, i});
    }
  }
  if (!one_world) return end(Reason::kOtherWorld);
  if (team_only) return end(Reason::kTeamMode);
  if (misses.empty()) return end(Reason::kNoRule);
  const Miss& nearest = *std::ranges::max_element(misses, [](const Miss& a, const Miss& b) {
    return std::tuple(a.rank, a.margin, -a.rule) < std::tuple(b.rank, b.margin, -b.rule);
  });
  decision.rule = static_cast<RuleIndex>(nearest.rule);
  decision.margin = static_cast<float>(nearest.margin);
  return end(nearest.reason);
}

int OracleHearing::held(uint32_t speaker, uint32_t receiver, Instant now) const {
  const auto memory = memory_.find(speaker);
  if (memory == memory_.end() || now - memory->second.last_call > 1s) return -1;
  const auto it = memory->second.held.find(receiver);
  return it == memory->second.held.end() ? -1 : it->second;
}

std::map<uint32_t, Decision> OracleHearing::of(const Oracle& oracle, const std::set<uint32_t>& receivers,
                                               uint32_t speaker, Instant now) {
  std::map<uint32_t, Decision> hearers;
  Memory next{.last_call = now};
  for (const uint32_t receiver : receivers) {
    if (!oracle.players.contains(speaker) || !oracle.players.contains(receiver)) continue;
    const Decision decision = oracle.decide(speaker, receiver, now, held(speaker, receiver, now));
    if (!decision.audible) continue;
    hearers[receiver] = decision;
    if (decision.reason == Reason::kInRange || decision.reason == Reason::kHeldInRange) {
      next.held[receiver] = decision.rule;
    }
  }
  memory_[speaker] = next;
  return hearers;
}

}  // namespace sluice::audibility::test
