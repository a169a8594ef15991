// The recent events of all rooms, and the streams that deliver them. A stream that reads slowly, or connects
// again, gets what it has missed as long as the log still has it. Main thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/control.pb.h"
#include "source/base/archive.h"
#include "source/http/event_stream.h"
#include "source/stats/samples.h"

namespace sluice::control {

enum class EventKind : uint8_t {
  kJoined,
  kConnected,
  kLeft,
  kSpeakingStarted,
  kSpeakingStopped,
  kMuted,
  kUnmuted,
  kQuality,
  kConflict,
  kRulesRefused,
  kOverload,
  kOverloadEnded,
};

inline constexpr std::array<std::string_view, 12> kEventNames = {
    "joined",  "connected", "left",     "speaking_started", "speaking_stopped", "muted",
    "unmuted", "quality",   "conflict", "rules_refused",    "overload",         "overload_ended",
};

class EventLog {
 public:
  static constexpr size_t kMaxEvents = 32768;  // older ones are dropped
  static constexpr size_t kMaxStreams = 16;

  EventLog();

  void add(EventKind kind, Event event);

  // Streams the events of `room`, or of all rooms if it is empty: those after `last_id`, the id of an event
  // of this log, or those from now on if it is empty. If the log no longer has all of them, the first event
  // is "missed". Null: there are kMaxStreams already.
  std::shared_ptr<http::EventStream> subscribe(std::string_view room, std::string_view last_id);
  // Continues the streams whose clients have read what was pending. Call it every PlayerWatch::kInterval.
  void deliver();
  // Ends all streams; their clients may connect again.
  void endStreams();

  void collect(stats::Samples& out) const;
  // For a takeover: ids stay valid.
  void archive(Archive& a);

 private:
  struct Entry {
    EventKind kind{};
    Event event;
    void archive(Archive& a);
  };
  struct Subscriber {
    std::shared_ptr<http::EventStream> stream;
    std::string room;  // empty: all
    uint64_t next;     // the number of the next event
  };

  uint64_t first() const { return next_ - entries_.size(); }
  std::string idOf(uint64_t number) const;
  uint64_t resumeAt(std::string_view last_id) const;
  void deliver(Subscriber& subscriber) const;

  std::string epoch_;  // tells the ids of different processes apart
  uint64_t next_ = 1;  // the number of the next event
  std::deque<Entry> entries_;
  std::vector<Subscriber> subscribers_;
  std::array<uint64_t, kEventNames.size()> counts_{};
};

}  // namespace sluice::control
