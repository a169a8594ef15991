// One bound address of a listener on one worker.
#pragma once

#include <memory>
#include <utility>

#include "source/net/udp.h"
#include "source/runtime/generation.h"

namespace sluice::runtime {

class Dispatcher;

// Passes datagrams to its worker's dispatcher. Lives until its listener is removed and its last session has
// ended.
struct WorkerPort final : net::UdpReceiver {
  WorkerPort(uint16_t port_id, ListenerSpecPtr spec, ListenerStats* port_stats, Dispatcher& port_dispatcher)
      : id(port_id), listener(std::move(spec)), stats(port_stats), dispatcher(port_dispatcher) {}

  void onPacket(net::PacketPtr&& packet) override;

  // Bit in the id of a listener's hairpin port, which receives packets from relays of this process.
  static constexpr uint16_t kHairpin = 0x8000;
  bool isHairpin() const { return (id & kHairpin) != 0; }
  // The id that a listener's port and its hairpin port share.
  uint16_t addressId() const { return static_cast<uint16_t>(id & ~kHairpin); }

  bool draining = false;     // no new sessions
  const uint16_t id;         // the same on every worker
  ListenerSpecPtr listener;  // of the current generation
  ListenerStats* stats;
  Dispatcher& dispatcher;
  std::unique_ptr<net::UdpPort> udp;
};

}  // namespace sluice::runtime
