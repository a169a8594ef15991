// Decides who hears whom, naively and independently of source/audibility: names are strings, and every rule
// is tried for every pair.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "source/audibility/decision.h"
#include "source/audibility/rule.h"
#include "source/audibility/update.h"
#include "source/base/clock.h"

namespace sluice::audibility::test {

struct OraclePlayer {
  std::string world;
  std::string team;
  Vector3 position;
  Mode mode = Mode::kWorld;
  Role role = Role::kPlayer;
  uint8_t priority = 0;
  VocalRange vocal_range;
  double receive_range = 1e30;
  Instant muted_until{};
  bool deafened = false;
  std::vector<ChannelUpdate> channels;
  std::set<uint32_t> blocks;
  std::set<std::string> tags;
};

class Oracle {
 public:
  std::vector<Rule> rules;
  std::map<uint32_t, OraclePlayer> players;
  std::map<std::pair<uint32_t, uint32_t>, PairOverride> overrides;  // by speaker and receiver

  void apply(const Batch& batch);
  void remove(uint32_t number);

  // `held` is the index of the proximity rule by which the receiver heard the speaker before, or -1.
  Decision decide(uint32_t speaker, uint32_t receiver, Instant now, int held) const;
};

// The audible set of one speaker after another, with hysteresis.
class OracleHearing {
 public:
  // The subset of `receivers` who hear the speaker. Remembers them.
  std::map<uint32_t, Decision> of(const Oracle& oracle, const std::set<uint32_t>& receivers, uint32_t speaker,
                                  Instant now);
  int held(uint32_t speaker, uint32_t receiver, Instant now) const;
  // Call it when the rules are replaced.
  void clear() { memory_.clear(); }

 private:
  struct Memory {
    Instant last_call{};
    std::map<uint32_t, int> held{};  // the rule by receiver
  };
  std::map<uint32_t, Memory> memory_;
};

}  // namespace sluice::audibility::test
