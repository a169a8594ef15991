// The hairpin beside a listener's port: for datagrams from relays of the same worker, without a system call.
#pragma once

#include "source/net/hairpin.h"
#include "source/runtime/worker_port.h"

namespace sluice::runtime {

class HairpinPort final : public net::UdpPort {
 public:
  // `outside` is the listener's real port; `hairpin` gets what comes in.
  HairpinPort(net::Hairpin& hairpin, net::UdpPort& outside, WorkerPort& hairpin, const void* group)
      : hairpin_(hairpin), outside_(outside) {
    hairpin_.add(outside.local(), hairpin, group);
  }
  ~HairpinPort() override { hairpin_.remove(local_); }

  void send(net::PacketPtr&& packet) override {
    if (!hairpin_.has(packet->remote)) return outside_.send(std::move(packet));  // another worker's relay
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
