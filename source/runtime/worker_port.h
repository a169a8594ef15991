// One bound address of a listener on one worker.
#pragma once

#include <memory>

#include "source/net/udp.h"
#include "source/runtime/generation.h"

namespace sluice::runtime {

// Passes datagrams to its worker. Lives until its listener is removed and its last session has ended.
struct WorkerPort final : net::UdpReceiver {
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void onDatagram(WorkerPort& port, net::PacketPtr&& packet) = 0;
  };

  WorkerPort(uint16_t port_id, ListenerSpecPtr spec, ListenerStats* port_stats, Sink& port_sink)
      : id(port_id), listener(std::move(spec)), stats(port_stats), sink(port_sink) {}

  void onPacket(net::PacketPtr&& packet) override { sink.onDatagram(*this, std::move(packet)); }

  // Bit in the id of a listener's hairpin port, which receives packets from relays of this process.
  static constexpr uint16_t kHairpin = 0x8000;
  bool isHairpin() const { return (id & kHairpin) != 0; }

  bool draining = false;     // no new sessions
  const uint16_t id;         // the same on every worker
  ListenerSpecPtr listener;  // of the current generation
  ListenerStats* stats;
  Sink& sink;
  std::unique_ptr<net::UdpPort> udp;
};

}  // namespace sluice::runtime
