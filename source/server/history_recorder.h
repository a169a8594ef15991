// Takes the samples of control::History. What only workers know arrives without waiting for them. Main
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "source/base/clock.h"
#include "source/control/history.h"
#include "source/control/room_states.h"
#include "source/rooms/directory.h"
#include "source/runtime/worker.h"
#include "source/server/evidence_collector.h"

namespace sluice::server {

class HistoryRecorder {
 public:
  // The references outlive the object. No worker runs when it is destroyed.
  struct Context {
    const Clock& clock;
    const rooms::Directory& rooms;
    control::RoomStates& states;
    runtime::WorkerGroup& workers;
    const EvidenceCollector& evidence;
    control::History& history;
  };
  explicit HistoryRecorder(const Context& context) : context_(context) {}

  // Call it every control::History::kInterval. A sample whose workers have not all replied since the last
  // call is added without their replies.
  void tick();

 private:
  using Sessions = std::vector<std::pair<uint32_t, control::SessionEvidence>>;  // by player number

  // A sample that waits for the replies of workers.
  struct Pending {
    control::History::Sample sample;
    std::unordered_map<uint32_t, size_t> indices;  // in sample.players, by player number
    std::vector<bool> replied;                     // by worker
    size_t replies;
  };

  void begin();
  void finish();
  void onReply(uint64_t number, int32_t worker, Sessions sessions);

  const Context context_;
  std::optional<Pending> pending_;
  uint64_t number_ = 0;  // of the last sample
};

}  // namespace sluice::server
