// What was known about all players in the last ten minutes, to explain afterwards why one did not hear
// another. Main thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "source/audibility/snapshot.h"
#include "source/base/clock.h"
#include "source/base/result.h"
#include "source/control/evidence.h"

namespace sluice::control {

class History {
 public:
  static constexpr Duration kSpan = 10min;
  static constexpr Duration kInterval = 1s;  // of isDue()
  // Of players in all samples together. With more than 300 players the samples are further apart than
  // kInterval, so that they still span ten minutes. Pair overrides that changed between two samples count
  // too, kOverrides of them as one player; these shorten the span.
  static constexpr size_t kMaxPlayers = 180'000;
  static constexpr size_t kOverrides = 8;

  // One moment.
  struct Sample {
    struct Player {
      rooms::PlayerPtr player;
      PlayerEvidence evidence{};
    };
    Instant at{};
    std::vector<Player> players{};                        // of all rooms
    std::map<uint32_t, audibility::SnapshotPtr> rooms{};  // by number; those that have rules
  };

  explicit History(const Clock& clock) : clock_(clock) {}

  // Whether it is time for another sample, of this many players. Call it every kInterval.
  bool isDue(size_t players) const;
  // Forgets samples that are too old or too many. `sample` is later than those before it.
  void add(Sample sample);

  struct Past {
    Evidence evidence;
    double at;  // the time of the sample, in seconds since 1970
  };
  // The last sample at or before `at`, in seconds since 1970, or before now if it is not positive. The path
  // of an error is "at". Players who were not in the room then are absent.
  Result<Past> find(double at, std::string_view room, std::string_view speaker,
                    std::string_view listener) const;

  size_t samples() const { return samples_.size(); }
  size_t size() const { return size_; }  // at most kMaxPlayers, unless the last sample alone has more

 private:
  struct KnownPlayer {
    uint32_t number;
    PlayerEvidence evidence;
  };
  struct Known {
    Instant at;
    std::vector<KnownPlayer> players;  // by number
    std::map<uint32_t, audibility::SnapshotPtr> rooms;
    size_t size;
  };
  // Outlives the player in the directory, without what else a player holds.
  struct Identity {
    uint32_t room_number = 0;
    std::string room, id;
    size_t samples = 0;  // that have the player
  };

  Duration interval(size_t players) const;
  void forgetFirst();
  double secondsSince1970(Instant at) const;
  size_t sizeOf(const Known& sample) const;
  const KnownPlayer* find(const Known& sample, std::string_view room, std::string_view id) const;

  const Clock& clock_;
  std::deque<Known> samples_;
  size_t size_ = 0;
  std::map<uint32_t, Identity> identities_;  // by number
};

}  // namespace sluice::control
