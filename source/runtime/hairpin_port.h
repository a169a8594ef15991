// Hairpin delivery for a listener: receives, without a system call, the packets that relays of the same
// worker send to its address.
#pragma once

#include "source/net/hairpin.h"
#include "source/runtime/worker_port.h"

namespace sluice::runtime {

class HairpinPort final : public net::UdpPort {
 public:
  // `outside` is the listener's real port; `port` receives the packets of the relays.
  HairpinPort(net::Hairpin& hairpin, net::UdpPort& outside, WorkerPort& port, const void* group)
      : hairpin_(hairpin), outside_(outside) {
    hairpin_.add(outside.local(), port, group);
  }
  ~HairpinPort() override { hairpin_.remove(local_); }

  void send(net::PacketPtr&& packet) override {
    if (!hairpin_.has(packet->remote)) return outside_.send(std::move(packet));  // a relay of another worker
    std::swap(packet->remote, packet->local);
    hairpin_.send(std::move(packet));
  }
  const net::Address& local() const override { return local_; }

 private:
  net::Hairpin& hairpin_;
  net::UdpPort& outside_;
  const net::Address local_ = outside_.local();
};

}  // namespace sluice::runtime
