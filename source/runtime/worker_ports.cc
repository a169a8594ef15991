#include "source/runtime/worker_ports.h"

#include <algorithm>

namespace sluice::runtime {

void WorkerPorts::drain(uint16_t address_id) {
  for (const auto& port : ports_) {
    if (port->addressId() == address_id) port->draining = true;
  }
}

void WorkerPorts::revive(uint16_t address_id, const ListenerSpecPtr& listener, unsigned worker,
                         const SessionTable& sessions) {
  for (const auto& port : ports_) {
    if (port->addressId() != address_id) continue;
    port->draining = false;
    if (port->listener->name == listener->name) continue;
    port->listener = listener;
    ListenerStats* stats = listener->stats[worker];
    for (const auto& session : sessions.all()) {
      if (&session->port() != port.get()) continue;
      port->stats->sessions.add(-1);
      stats->sessions.add(1);
    }
    port->stats = stats;  // the socket's own counters stay with the old listener
  }
}

void WorkerPorts::remove(uint16_t address_id) {
  std::erase_if(ports_, [&](const auto& port) { return port->addressId() == address_id; });
}

void WorkerPorts::adopt(const Generation& generation) {
  for (const auto& port : ports_) {
    for (const ListenerSpecPtr& spec : generation.listeners) {
      if (spec->name != port->listener->name) continue;
      port->listener = spec;
      port->udp->setBuffers(spec->socket.receive_buffer, spec->socket.send_buffer);
    }
  }
}

WorkerPort* WorkerPorts::find(uint16_t id) const {
  const auto it = std::ranges::find(ports_, id, [](const auto& port) { return port->id; });
  return it == ports_.end() ? nullptr : it->get();
}

WorkerPort* WorkerPorts::at(const WorkerPort& sibling, const net::Address& local) const {
  const auto it = std::ranges::find_if(ports_, [&](const auto& port) {
    return port->listener->name == sibling.listener->name && !port->isHairpin() &&
           port->udp->local() == local;
  });
  return it == ports_.end() ? nullptr : it->get();
}

}  // namespace sluice::runtime
