// The door beside a listener's port: for datagrams from relays of the same worker, without a system call.
#pragma once

#include "source/net/inside.h"
#include "source/runtime/worker_port.h"

namespace sluice::runtime {

class InsidePort final : public net::UdpPort {
 public:
  // `outside` is the listener's real port; `door` gets what comes in.
  InsidePort(net::Inside& inside, net::UdpPort& outside, WorkerPort& door, const void* group)
      : inside_(inside), outside_(outside) {
    inside_.add(outside.local(), door, group);
  }
  ~InsidePort() override { inside_.remove(local_); }

  void send(net::PacketPtr&& packet) override {
    if (!inside_.has(packet->remote)) return outside_.send(std::move(packet));  // another worker's relay
    std::swap(packet->remote, packet->local);
    inside_.send(std::move(packet));
  }
  const net::Address& local() const override { return local_; }

 private:
  net::Inside& inside_;
  net::UdpPort& outside_;
  const net::Address local_ = outside_.local();
};

}  // namespace sluice::runtime
