// The new process's side of a takeover. Main thread; every call blocks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "source/runtime/handover.h"
#include "source/takeover/channel.h"
#include "source/takeover/snapshot.h"

namespace sluice::takeover {

class Client {
 public:
  // Connects to the process that listens at `path` and identifies itself. Null: there is no such process. A
  // refusal is returned as an error. `workers`: how many this process will have.
  static Result<std::unique_ptr<Client>> connect(const std::string& path, unsigned workers);

  const Identity& identity() const { return identity_; }
  // From now on the old process waits, until finish() has returned or this object is destroyed. Call it once.
  Result<Snapshot> take();
  // Waits until `loading` has loaded the snapshot, then takes the sessions over. On an error the old process
  // continues and nothing is ours. Call it once, after take().
  Result<runtime::LoadingWorkers::Loaded> finish(runtime::LoadingWorkers& loading);

 private:
  enum class State { kIdentified, kTaking, kDone };

  Client(Channel channel, Identity identity) : channel_(std::move(channel)), identity_(std::move(identity)) {}
  Status commit();

  Channel channel_;
  const Identity identity_;
  State state_ = State::kIdentified;
};

}  // namespace sluice::takeover
