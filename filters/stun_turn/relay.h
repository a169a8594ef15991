// A relayed address: the path between an allocation and its peers.
#pragma once

#include <memory>

#include "filters/stun_turn/turn_process.h"
#include "source/chain/worker.h"

namespace sluice::stun_turn {

// The allocation behind a relay.
class RelayUser {
 public:
  virtual ~RelayUser() = default;
  // A packet from packet->remote. The user checks whether the peer may send.
  virtual void onPeerPacket(net::PacketPtr&& packet) = 0;
  virtual void onPeerIcmp(const net::IcmpError& error) = 0;
  virtual void onRelayFailed() = 0;
  // A packet on a shared port that belongs to no allocation.
  virtual void onUnmatchedPeer() = 0;
  virtual bool permits(const net::Address& peer) const = 0;
  // True if the allocation has a permission for this IP address, at any port.
  virtual bool expects(const net::Address& ip) const = 0;
  // The number of peers (address and port) that the allocation may claim on a shared port at a time.
  virtual size_t maxClaims() const = 0;
};

class Relay {
 public:
  virtual ~Relay() = default;
  virtual const net::Address& address() const = 0;
  // Sends to packet->remote; true if hairpin delivery kept it inside the process.
  virtual bool send(net::PacketPtr&& packet) = 0;
  // True if the peer's address and port are a relay or a listener of this process.
  virtual bool isOurs(const net::Address& peer) = 0;
  // Claims the peer's packets. False if another allocation has claimed them.
  virtual bool claim(const net::Address& /*peer*/) { return true; }
  // The allocation has a permission for this peer's IP address.
  virtual void expect(const net::Address& /*peer*/) {}
  // The allocation's permissions may have ended.
  virtual void forgetUnexpected() {}
  // True if several allocations share the port.
  virtual bool isShared() const { return false; }
  // The socket's descriptor, for another process.
  virtual int descriptor() const = 0;
};

// The port of a relayed address. Relays and listeners on this worker are reached without the kernel.
class RelayPort final : private net::UdpReceiver {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void onPacket(net::PacketPtr&& packet) = 0;
    virtual void onIcmp(const net::IcmpError& error) = 0;
    virtual void onSendFailed() = 0;
  };

  // `stats` outlives the port.
  RelayPort(chain::Worker& worker, std::shared_ptr<TurnProcess> process, net::UdpStats& stats,
            std::unique_ptr<net::UdpReservation> reservation, Sink& sink);
  ~RelayPort() override;

  const net::Address& address() const { return address_; }
  int descriptor() const { return port_->descriptor(); }
  bool send(net::PacketPtr&& packet);
  bool isOurs(const net::Address& peer) { return isLocal(peer) || process_->isRelay(peer); }

 private:
  bool isLocal(const net::Address& peer);

  void onPacket(net::PacketPtr&& packet) override { sink_.onPacket(std::move(packet)); }
  void onIcmp(const net::IcmpError& error) override { sink_.onIcmp(error); }
  void onSendFailed(int) override { sink_.onSendFailed(); }

  net::Hairpin& hairpin_;
  const std::shared_ptr<TurnProcess> process_;
  Sink& sink_;
  const net::Address address_;
  // The last lookup of isLocal(), valid for one version of the hairpin's ports.
  struct Memory {
    net::Address peer;
    uint64_t version = 0;
    bool is_local = false;
  };
  Memory last_local_;
  std::unique_ptr<net::UdpPort> port_;
};

// Opens a relay with a port of its own.
std::unique_ptr<Relay> openOwnRelay(chain::Worker& worker, std::shared_ptr<TurnProcess> process,
                                    net::UdpStats& stats, std::unique_ptr<net::UdpReservation> reservation,
                                    RelayUser& user);

// A free port of `ip` in [min, max], chosen at random (RFC 6056). With `even` it is even; with `next` the
// next higher port is free too, and returned there. Null if none was found.
std::unique_ptr<net::UdpReservation> reservePort(net::UdpNetwork& network, const net::Address& ip,
                                                 const TurnProcess& process, uint16_t min, uint16_t max,
                                                 bool even, std::unique_ptr<net::UdpReservation>* next);

}  // namespace sluice::stun_turn
