// The listeners' ports of one worker. A listener's address has a port and its hairpin port, under one id.
#pragma once

#include <memory>
#include <vector>

#include "source/runtime/session_table.h"
#include "source/runtime/worker_port.h"

namespace sluice::runtime {

class WorkerPorts {
 public:
  void add(std::unique_ptr<WorkerPort> port) { ports_.push_back(std::move(port)); }
  // The address takes no new sessions.
  void drain(uint16_t address_id);
  // The address takes new sessions again, as one of `listener`; `sessions` are then counted there. `worker`:
  // the worker's index.
  void revive(uint16_t address_id, const ListenerSpecPtr& listener, unsigned worker,
              const SessionTable& sessions);
  // Closes the address. No session may use it any more.
  void remove(uint16_t address_id);
  void clear() { ports_.clear(); }
  // Listeners keep their ports by name.
  void adopt(const Generation& generation);

  // The port with this WorkerPort::id; null if there is none.
  WorkerPort* find(uint16_t id) const;
  // The port of `sibling`'s listener that is bound to `local`; null if there is none.
  WorkerPort* at(const WorkerPort& sibling, const net::Address& local) const;

 private:
  std::vector<std::unique_ptr<WorkerPort>> ports_;
};

}  // namespace sluice::runtime
