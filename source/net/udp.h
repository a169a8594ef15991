// A UDP port, and the network that opens ports. Filters that exchange packets with other hosts than their
// client (forward, TURN relays) use only this interface; tests put a simulated network behind it.
#pragma once

#include <memory>

#include "source/base/result.h"
#include "source/net/address.h"
#include "source/net/packet.h"
#include "source/stats/socket_stats.h"

namespace sluice::net {

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
  virtual void onPacket(PacketPtr&& packet) = 0;
  // The peer of a connected port refused a packet (an ICMP error arrived).
  virtual void onRefused() {}
  // A packet given to send() was not sent. `error` is an errno; ENOBUFS when the queue is full.
  virtual void onSendFailed(int /*error*/) {}
  // Called only on ports with report_icmp.
  virtual void onIcmp(const IcmpError& /*error*/) {}
};

struct UdpOptions {
  bool reuse_port = false;    // one socket per worker on the same address
  Address connect_to;         // if set: exchange packets with this peer only, and report its ICMP errors
  bool report_icmp = false;   // call onIcmp()
  bool fragment = false;      // over IPv4: DF is 0 unless a packet says dont_fragment
  int receive_buffer = 0;     // bytes; 0: the system's default
  int send_buffer = 0;        // bytes; 0: the system's default
  UdpStats* stats = nullptr;  // required; outlives the port
};

class UdpPort {
 public:
  virtual ~UdpPort() = default;
  // Queues the packet for packet.remote; it is sent at the end of the iteration with its tos, ttl and local.
  virtual void send(PacketPtr&& packet) = 0;
  virtual const Address& local() const = 0;
  // In bytes, within the kernel's limits; 0: unchanged.
  virtual void setBuffers(int /*receive*/, int /*send*/) {}
  // The socket's descriptor, for a handover to another process; the port still owns it. -1: none.
  virtual int descriptor() const { return -1; }
};

// A bound address that is not read from yet. Destroying it frees the address. May be used on any thread.
class UdpReservation {
 public:
  virtual ~UdpReservation() = default;
  virtual const Address& local() const = 0;
};

class UdpNetwork {
 public:
  virtual ~UdpNetwork() = default;
  // Fails when the address is in use. Errors have no path.
  virtual Result<std::unique_ptr<UdpReservation>> reserve(const Address& local) = 0;
  // Takes ownership of a bound socket from another process. Null if `fd` is negative.
  virtual std::unique_ptr<UdpReservation> adopt(int fd) = 0;
  // Opens a reservation of this process, including one made by another worker's network. Never null.
  virtual std::unique_ptr<UdpPort> open(std::unique_ptr<UdpReservation> reservation,
                                        const UdpOptions& options, UdpReceiver& receiver) = 0;
  // `receiver` outlives the port. Errors have no path.
  virtual Result<std::unique_ptr<UdpPort>> open(const Address& local, const UdpOptions& options,
                                                UdpReceiver& receiver) = 0;
};

}  // namespace sluice::net
