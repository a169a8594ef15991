// Finds the receivers of one worker who hear a speaker. There is one object per worker and room. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "source/audibility/decider.h"
#include "source/audibility/decision.h"
#include "source/audibility/number_map.h"
#include "source/audibility/rendering.h"
#include "source/audibility/snapshot.h"
#include "source/base/clock.h"

namespace sluice::audibility {

// A receiver who hears a speaker, and how.
struct Hearer {
  void* receiver = nullptr;  // as passed to addReceiver()
  uint32_t number = 0;       // the receiver's
  Rendering rendering{};
  float proximity_db = 0;  // for Selection
  RuleIndex rule = kNoRule;
  Reason reason = Reason::kNoRule;
  uint8_t priority = 0;
};

class Hearers {
 public:
  // After a longer pause in a speaker's packets, hysteresis no longer applies.
  static constexpr Duration kMemory = 1s;

  // Ignores versions that are older than the current one. Lists are recomputed only by of(), so speakers who
  // do not talk cost nothing.
  void update(SnapshotPtr snapshot);
  // 0 before the first snapshot.
  uint64_t version() const { return snapshot_ ? snapshot_->version : 0; }
  // Null before the first one.
  const SnapshotPtr& snapshot() const { return snapshot_; }

  // `receiver` is opaque. A player who is in no snapshot yet neither hears nor is heard.
  void addReceiver(uint32_t number, void* receiver);
  void removeReceiver(uint32_t number);
  size_t receivers() const { return receivers_.size(); }

  // The receivers who hear the speaker at `now`, in no particular order. Call it for each of the speaker's
  // packets: the first call after a change, or after a mute or an override has ended, computes the list, and
  // other calls return the same one. The list is valid until the next non-const call. Allocates only while
  // lists grow. `now` never decreases.
  std::span<const Hearer> of(uint32_t speaker, Instant now);

  // The decision about a pair as of() would make it at `now`. Does not change any state.
  Decision explain(uint32_t speaker, uint32_t receiver, Instant now) const;

 private:
  struct Held {
    uint32_t number;
    RuleIndex rule;
  };
  struct Speaker {
    uint32_t number = 0;
    uint64_t epoch = 0;
    uint64_t rules_version = 0;
    Instant last_call{};
    Instant valid_until{};
    std::vector<Hearer> hearers;
    std::vector<Held> held;  // receivers who hear the speaker by a proximity rule
  };
  struct Receiver {
    uint32_t number;
    void* receiver;
  };
  // The worker's own data about a player of the snapshot.
  struct Local {
    uint32_t receiver = NumberMap::kAbsent;  // in receivers_
    uint32_t visited = 0;                    // the last visit_ in which it was considered
    RuleIndex held = kNoRule;                // set during compute() only
  };

  Speaker& speakerFor(uint32_t number);
  bool isFresh(const Speaker& speaker, Instant now) const;
  void forget(Instant now);
  void locate();
  void compute(Speaker& speaker, uint32_t index, Instant now);
  void consider(Speaker& speaker, uint32_t index, const Decider& decider, uint32_t receiver);
  Hearer describe(const PlayerState& speaker, uint32_t receiver, const Decision& decision) const;

  SnapshotPtr snapshot_;
  uint64_t epoch_ = 1;  // changes with the snapshot and the receivers
  std::vector<Receiver> receivers_;
  NumberMap receiver_indices_;
  std::vector<Local> locals_;  // parallel to the snapshot's players
  bool located_ = false;       // locals_ matches snapshot and receivers
  uint32_t visit_ = 0;
  std::vector<Speaker> speakers_;
  NumberMap speaker_indices_;
  Instant latest_{};
  Instant forgotten_{};
};

}  // namespace sluice::audibility
