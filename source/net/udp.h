// A UDP port, and the network that opens ports. Filters that exchange packets with other hosts than their
// client (forward, TURN relays), workers and the listeners' ports use only this interface. The real
// implementation is in udp_socket.h.
#pragma once

#include <functional>
#include <memory>

#include "source/base/result.h"
#include "source/net/address.h"
#include "source/net/packet.h"
#include "source/stats/socket_stats.h"

namespace sluice::net {

class EventLoop;
class PacketPool;

using UdpStats = stats::SocketStats;

// An ICMP error caused by a packet that this socket sent.
struct IcmpError {
  Address peer;  // destination of that packet
  uint8_t type;  // as on the wire, in the peer's family
  uint8_t code;
  uint32_t mtu;  // of the next hop, if the packet was too long for it; otherwise 0
};

class UdpReceiver {
 public:
  virtual ~UdpReceiver() = default;
  // A received packet: its data, remote, local, received and tos are set.
  virtual void onPacket(PacketPtr&& packet) = 0;
  // The peer of a connected port refused a packet (an ICMP error arrived).
  virtual void onRefused() {}
  // A packet given to send() was not sent. `error` is an errno; ENOBUFS when the queue is full.
  virtual void onSendFailed(int /*error*/) {}
  // Called only on ports with report_icmp.
  virtual void onIcmp(const IcmpError& /*error*/) {}
};

struct UdpOptions {
  // These apply when a socket is bound, by reserve() or open(local).
  bool reuse_port = false;  // several sockets may have the same address: one for each worker
  Address connect_to{};     // if set: exchange packets with this peer only, and report its ICMP errors
  int receive_buffer = 0;   // bytes; 0: the system's default
  int send_buffer = 0;      // bytes; 0: the system's default

  // These apply to an open port. open(reservation) must be given the same connect_to as reserve().
  bool report_icmp = false;   // call onIcmp()
  bool fragment = false;      // over IPv4: DF is 0 unless a packet has dont_fragment set
  UdpStats* stats = nullptr;  // required by open(); outlives the port
};

// An open port, on its network's thread. Closed by its destructor, which sends what is queued if it can. The
// receiver must not destroy the port in onPacket(), onRefused() or onIcmp().
class UdpPort {
 public:
  virtual ~UdpPort() = default;
  // Sends to packet->remote with its tos, ttl and dont_fragment, from packet->local if that is set and the
  // port is bound to a wildcard address; a connected port sends to its peer. May queue the packet until the
  // end of the loop's iteration. Settles the packet and counts it as sent or as send_refused; never fails.
  virtual void send(PacketPtr&& packet) = 0;
  // The bound address; its port is never 0.
  virtual const Address& local() const = 0;
  // Sets the sizes of the socket's buffers, in bytes, within the kernel's limits; 0: unchanged.
  virtual void setBuffers(int /*receive*/, int /*send*/) {}
  // The socket's descriptor, for a handover to another process; the port still owns it. -1: none.
  virtual int descriptor() const { return -1; }
};

// A bound address that is not read from yet. Destroying it frees the address. May be used on any thread.
class UdpReservation {
 public:
  virtual ~UdpReservation() = default;
  // The bound address; its port is never 0.
  virtual const Address& local() const = 0;
  // The descriptor that the port will have; the reservation still owns it. -1: none.
  virtual int descriptor() const { return -1; }
};

// Opens the ports of one thread: a worker's, or the main thread's. The thread runs an EventLoop and owns a
// PacketPool; both outlive the network, which outlives its ports. reserve() and adopt() may be called on any
// thread, the rest on the network's.
//
// An implementation
// - watches descriptors with net::Poll, which runs the loop's posted tasks before a packet is handled;
// - takes packets for received datagrams from the pool. If it has none, the datagrams wait;
// - calls EventLoop::packetsRead() after each batch, and sets Packet::received to the result;
// - sends what it has queued at the end of the iteration: see EventLoop::atIterationEnd();
// - counts in UdpOptions::stats;
// - allocates nothing and takes no lock per packet.
class UdpNetwork {
 public:
  virtual ~UdpNetwork() = default;
  // Binds. With port 0 the system chooses one. Fails when the address is in use. Errors have no path.
  virtual Result<std::unique_ptr<UdpReservation>> reserve(const Address& local,
                                                          const UdpOptions& options = {}) = 0;
  // Takes ownership of a bound socket from another process. Null if `fd` is negative.
  virtual std::unique_ptr<UdpReservation> adopt(int fd) = 0;
  // Opens a reservation that a network of this class made in this process, for instance the main thread's.
  // The reservation may outlive the network that made it. Never null: a reservation of another class of
  // networks becomes a port that receives nothing and refuses to send (onSendFailed(EBADF)). `receiver`
  // outlives the port.
  virtual std::unique_ptr<UdpPort> open(std::unique_ptr<UdpReservation> reservation,
                                        const UdpOptions& options, UdpReceiver& receiver) = 0;
  // Binds and opens. `receiver` outlives the port. Errors have no path.
  virtual Result<std::unique_ptr<UdpPort>> open(const Address& local, const UdpOptions& options,
                                                UdpReceiver& receiver) = 0;
};

// Makes the network of the thread that runs `loop` and owns `pool`; both outlive the network.
using UdpNetworkFactory = std::function<std::unique_ptr<UdpNetwork>(EventLoop& loop, PacketPool& pool)>;

}  // namespace sluice::net
