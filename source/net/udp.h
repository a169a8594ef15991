// A UDP port and where ports come from. Filters that talk to someone else than their client (forward, TURN
// relays) see only this; tests put a simulated network behind it.
#pragma once

#include <memory>

#include "source/base/result.h"
#include "source/net/address.h"
#include "source/net/packet.h"
#include "source/stats/counter.h"

namespace sluice::net {

// What one port, or all ports that share the object, did. Written by the owning worker.
struct UdpStats {
  stats::Counter received;
  stats::Counter received_bytes;
  stats::Counter sent;
  stats::Counter sent_bytes;
  stats::Counter truncated;        // longer than Packet::kMaxPayload: dropped
  stats::Counter pool_exhausted;   // no packet free to receive into: left in the kernel for now
  stats::Counter send_queue_full;  // the socket stayed unwritable: dropped
  stats::Counter send_refused;  // the kernel refused this packet (unreachable, too long, filtered): dropped
  stats::Histogram transit;     // from the datagram's arrival to the system call that sent it
};

// An ICMP error that a packet of ours caused.
struct IcmpError {
  Address peer;  // whom the packet was for
  uint8_t type;  // as on the wire, in the peer's family
  uint8_t code;
  uint32_t mtu;  // of the next link, where the packet was too long for it; else 0
};

class UdpReceiver {
 public:
  virtual ~UdpReceiver() = default;
  virtual void onPacket(PacketPtr&& packet) = 0;
  // The remote end of a connected port refused (an ICMP error came back).
  virtual void onRefused() {}
  // A packet given to send() did not leave. `error` is an errno; ENOBUFS when the queue is full.
  virtual void onSendFailed(int /*error*/) {}
  // Ports with report_icmp only.
  virtual void onIcmp(const IcmpError& /*error*/) {}
};

struct UdpOptions {
  bool reuse_port = false;    // one socket per worker on the same address
  Address connect_to;         // if set: talk to this peer only, and hear of its ICMP errors
  bool report_icmp = false;   // call onIcmp()
  bool fragment = false;      // over IPv4: DF is 0 unless a packet says dont_fragment
  int receive_buffer = 0;     // bytes; 0: the system's default
  int send_buffer = 0;        // bytes; 0: the system's default
  UdpStats* stats = nullptr;  // required; outlives the port
};

class UdpPort {
 public:
  virtual ~UdpPort() = default;
  // Queues the packet for packet.remote; it leaves at the end of the turn, with packet.tos, .ttl and .local.
  virtual void send(PacketPtr&& packet) = 0;
  virtual const Address& local() const = 0;
  // In bytes, within the kernel's limits; 0: as it is.
  virtual void setBuffers(int /*receive*/, int /*send*/) {}
  // Of the socket, which stays the port's, for another process to go on with; -1: there is none.
  virtual int descriptor() const { return -1; }
};

// A bound address that nobody reads from yet. Its end frees the address. For any thread.
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
  // A bound socket that another process had, which belongs to the result. Null when `fd` is none.
  virtual std::unique_ptr<UdpReservation> adopt(int fd) = 0;
  // Takes a reservation of this process, also one that another worker's network made. Never null.
  virtual std::unique_ptr<UdpPort> open(std::unique_ptr<UdpReservation> reservation,
                                        const UdpOptions& options, UdpReceiver& receiver) = 0;
  // `receiver` outlives the port. Errors have no path.
  virtual Result<std::unique_ptr<UdpPort>> open(const Address& local, const UdpOptions& options,
                                                UdpReceiver& receiver) = 0;
};

}  // namespace sluice::net
