// A UDP network in memory: ports record what they send; tests deliver datagrams. A port's descriptor is a
// file with its address in it, so that another network can adopt it. It counts nothing in UdpOptions::stats,
// and opens a reservation of any class.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "source/net/packet_pool.h"
#include "source/net/udp.h"

namespace sluice::test {

struct SentDatagram {
  net::Address from;
  net::Address to;
  std::vector<uint8_t> data;
  uint8_t tos;
  uint8_t ttl;
  bool dont_fragment;
  net::Address source;  // that the packet requests; unset: the port's
};

class FakeNetwork final : public net::UdpNetwork {
 public:
  FakeNetwork(net::PacketPool& pool, const Clock& clock) : pool_(pool), clock_(clock) {}

  Result<std::unique_ptr<net::UdpPort>> open(const net::Address& local, const net::UdpOptions& options,
                                             net::UdpReceiver& receiver) override;

  Result<std::unique_ptr<net::UdpReservation>> reserve(const net::Address& local,
                                                       const net::UdpOptions& options = {}) override;
  std::unique_ptr<net::UdpReservation> adopt(int fd) override;
  std::unique_ptr<net::UdpPort> open(std::unique_ptr<net::UdpReservation> reservation,
                                     const net::UdpOptions& options, net::UdpReceiver& receiver) override;

  // To the open port with this address. False if there is none, it is connected to another peer, or the pool
  // is exhausted.
  bool deliver(const net::Address& from, const net::Address& to, Bytes data, uint8_t tos = 0);
  // An ICMP error for the connected port; false if there is none.
  bool refuse(const net::Address& port);
  // About a packet from this port; false if there is none.
  bool icmp(const net::Address& port, const net::IcmpError& error);
  // A packet that this port was given could not be sent; false if there is no such port.
  bool failSend(const net::Address& port, int error);

  // The address of the port that was opened last, even if it was closed since.
  const net::Address& lastOpened() const { return last_opened_; }

  std::vector<SentDatagram> sent;
  bool record = true;  // false: packets that ports send are only settled, without a copy
  size_t open_ports() const { return ports_.size(); }
  size_t reserved_ports() const { return reserved_.size(); }
  bool exhausted = false;  // open() fails

 private:
  class Port;
  class Reservation;
  struct Entry {
    net::UdpReceiver* receiver;
    net::Address connected_to;
  };
  net::PacketPool& pool_;
  const Clock& clock_;
  std::map<net::Address, Entry> ports_;
  std::set<net::Address> reserved_;
  net::Address last_opened_;
  uint16_t next_port_ = 40'000;
};

}  // namespace sluice::test
