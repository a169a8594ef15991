// Hairpin delivery: datagrams between ports of one worker without a system call, from a TURN relay to a
// listener, back, and between relays. They arrive at the end of the iteration, in order. Checks no
// permissions.
#pragma once

#include <functional>
#include <set>
#include <unordered_map>
#include <vector>

#include "source/net/udp.h"

namespace sluice::net {

class Hairpin {
 public:
  // `schedule` is called when the queue becomes non-empty; deliver() must be called after that.
  explicit Hairpin(std::function<void()> schedule) : schedule_(std::move(schedule)) {}
  ~Hairpin();

  // `group` identifies ports that belong together, like those of one listener; null: no group.
  void add(const Address& address, UdpReceiver& receiver, const void* group = nullptr);
  void remove(const Address& address);

  // The IP addresses that a wildcard port covers. Port 0.
  void setMachineAddresses(std::set<Address> addresses) {
    machine_ = std::move(addresses);
    ++version_;
  }

  // True if there is a port for datagrams to `address`.
  bool has(const Address& address) const { return find(address) != nullptr; }
  // Changes whenever a port is added or removed; never 0.
  uint64_t version() const { return version_; }
  const void* groupOf(const Address& address) const;

  // Sends from packet->remote to packet->local, for which has() must have been true.
  void send(PacketPtr&& packet);

  void deliver();

  // Datagrams whose port was gone at delivery. From any thread.
  uint64_t lost() const { return lost_.value(); }

 private:
  struct Port {
    UdpReceiver* receiver;
    const void* group;
  };
  const Port* find(const Address& address) const;

  const std::function<void()> schedule_;
  std::unordered_map<Address, Port> ports_;
  size_t wildcards_ = 0;
  uint64_t version_ = 1;
  std::set<Address> machine_;
  stats::Counter lost_;
  std::vector<PacketPtr> queue_;
  std::vector<PacketPtr> delivering_;
};

}  // namespace sluice::net
