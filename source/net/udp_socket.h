// The real network: sockets of our own with recvmmsg/sendmmsg and control messages, readiness by libuv.
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

  Result<std::unique_ptr<UdpPort>> open(const Address& local, const UdpOptions& options,
                                        UdpReceiver& receiver) override;

  Result<std::unique_ptr<UdpReservation>> reserve(const Address& local) override;
  std::unique_ptr<UdpReservation> adopt(int fd) override;
  std::unique_ptr<UdpPort> open(std::unique_ptr<UdpReservation> reservation, const UdpOptions& options,
                                UdpReceiver& receiver) override;

  // A socket that is bound already; the port owns it.
  std::unique_ptr<UdpPort> attach(int fd, const UdpOptions& options, UdpReceiver& receiver);

 private:
  EventLoop& loop_;
  PacketPool& pool_;
  std::unique_ptr<UdpBatch> batch_;
};

// Binds a non-blocking UDP socket with every option that attach() needs. Usable from any thread.
Result<int> bindUdpSocket(const Address& local, const UdpOptions& options);
// With the port that the system chose.
Address boundAddress(int fd);

}  // namespace sluice::net
