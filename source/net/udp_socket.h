// The real network: UDP sockets with recvmmsg/sendmmsg and control messages; libuv reports readiness.
#pragma once

#include <memory>

#include "source/net/event_loop.h"
#include "source/net/packet_pool.h"
#include "source/net/udp.h"

namespace sluice::net {

struct UdpBatch;  // system call buffers, shared by all sockets of a worker

class SocketNetwork final : public UdpNetwork {
 public:
  // Both outlive the network and its ports.
  SocketNetwork(EventLoop& loop, PacketPool& pool);
  ~SocketNetwork() override;

  Result<std::unique_ptr<UdpReservation>> reserve(const Address& local, const UdpOptions& options) override;
  std::unique_ptr<UdpReservation> adopt(int fd) override;
  std::unique_ptr<UdpPort> open(std::unique_ptr<UdpReservation> reservation, const UdpOptions& options,
                                UdpReceiver& receiver) override;
  Result<std::unique_ptr<UdpPort>> open(const Address& local, const UdpOptions& options,
                                        UdpReceiver& receiver) override;

 private:
  EventLoop& loop_;
  PacketPool& pool_;
  std::unique_ptr<UdpBatch> batch_;
};

// A UdpNetworkFactory.
std::unique_ptr<UdpNetwork> makeSocketNetwork(EventLoop& loop, PacketPool& pool);

}  // namespace sluice::net
