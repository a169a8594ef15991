// Tells players which speakers have their slots, and how to render their voices. Main thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/audibility/snapshot.h"
#include "source/base/clock.h"
#include "source/http/event_stream.h"
#include "source/rooms/directory.h"

namespace sluice::join {

class AudibleFeed {
 public:
  static constexpr Duration kInterval = 50ms;  // of publish()
  static constexpr unsigned kMaxRate = 20;     // events per second

  // The latest state of a room; null if it has no rules.
  using Snapshots = std::function<audibility::SnapshotPtr(std::string_view room)>;

  // The references outlive the feed.
  AudibleFeed(const rooms::Directory& directory, const Clock& clock, Snapshots snapshots)
      : directory_(directory), clock_(clock), snapshots_(std::move(snapshots)) {}

  // Sends the player all its slots now, and at most `rate` times a second those that have changed, until the
  // stream has ended. `rate` is 1 to kMaxRate.
  void subscribe(rooms::PlayerPtr player, std::shared_ptr<http::EventStream> stream, unsigned rate);

  // A client that has not read the previous events yet gets none until it has.
  void publish();

  // The player has left.
  void forget(const rooms::Player& player);

 private:
  // Rounded to what a person can tell apart, so that smaller changes cause no event.
  struct Rendered {
    double gain = 1;
    double low_pass_hz = 0;
    std::optional<double> azimuth{}, elevation{}, distance{};  // absent if the worlds differ
    bool operator==(const Rendered&) const = default;
  };
  // A slot as the client knows it.
  struct Shown {
    uint32_t speaker = 0;                // who took the slot last; 0: no one
    std::string id{};                    // its player; empty: the slot is free
    std::optional<Rendered> rendered{};  // absent in a room without rules
    bool operator==(const Shown&) const = default;
  };
  struct Subscriber {
    rooms::PlayerPtr player;
    std::shared_ptr<http::EventStream> stream;
    Duration interval;
    Instant next;              // the earliest time of the next event
    std::vector<Shown> shown;  // by slot
  };

  void sendChanges(Subscriber& subscriber, bool all);
  Shown show(const rooms::Player& receiver, size_t slot, const Shown& before,
             const audibility::Snapshot* snapshot) const;
  std::optional<Rendered> render(const audibility::Snapshot& snapshot, uint32_t speaker, uint32_t receiver,
                                 bool was_heard) const;
  std::string idOf(const rooms::Room& room, uint32_t number) const;

  const rooms::Directory& directory_;
  const Clock& clock_;
  const Snapshots snapshots_;
  std::vector<Subscriber> subscribers_;
};

}  // namespace sluice::join
