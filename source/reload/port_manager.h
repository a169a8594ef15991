// The bound addresses of all listeners, and the changes that a new generation makes to them. Main thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "source/base/result.h"
#include "source/net/udp.h"
#include "source/runtime/worker.h"

namespace sluice::reload {

class PortManager {
 public:
  // `network` reserves the addresses; its class is that of the workers' networks. It outlives this object.
  PortManager(net::UdpNetwork& network, unsigned workers) : network_(network), workers_(workers) {}

  struct Change {
    std::vector<std::vector<runtime::NewPort>> added;    // by worker
    std::vector<uint16_t> drained;                       // their sessions may stay for a while
    std::vector<runtime::PortChanges::Revived> revived;  // under this listener, possibly another one
    // The worker's part of it. Call it once for each worker.
    runtime::PortChanges takeFor(unsigned worker) { return {std::move(added[worker]), drained, revived}; }
  };

  // Binds what `generation` needs and is not bound yet. On an error nothing new stays bound, and everything
  // that was bound before stays.
  Result<Change> prepare(const runtime::Generation& generation);
  // `change` does not take effect; what prepare() bound is unbound.
  void abandon(Change change);
  // `change` takes effect. Drained ports stay bound until `until`.
  void commit(const Change& change, Instant until);
  // Takes the drained ports whose time has expired, or whose listener was removed and has no sessions left
  // by `sessions(listener)`. The caller must remove them from the workers.
  template <typename Sessions>
  std::vector<uint16_t> takeExpired(Instant now, Sessions sessions);

  // A bound address for a handover, with one descriptor for each worker.
  struct Saved {
    std::string listener;
    net::Address address;  // as configured
    net::Address bound;
    uint16_t id = 0;
    std::vector<int> descriptors;
    void archive(Archive& a);
  };
  // The workers keep the descriptors.
  std::vector<Saved> save() const;
  // Takes ports of another process: the next prepare() uses those that fit instead of binding, under the same
  // id; commit() closes the rest.
  void inherit(std::vector<Saved> ports);

  // Bound addresses that `generation` no longer has.
  std::vector<net::Address> lostBy(const runtime::Generation& generation) const;

  // Bound addresses: port 0 is replaced by the real port.
  std::vector<net::Address> addresses(const std::string& listener) const;

 private:
  struct Key {
    std::string listener;
    net::Address address;  // as configured
    auto operator<=>(const Key&) const = default;
  };
  struct Port {
    uint16_t id;
    net::Address bound;
    std::vector<int> descriptors;  // by worker, owned by them
  };
  // A port that is not open yet.
  struct BoundPort {
    Port port;
    std::vector<std::unique_ptr<net::UdpReservation>> sockets;  // by worker
    void add(std::unique_ptr<net::UdpReservation> socket);
  };

  struct Draining {
    Key key;
    Port port;
    Instant until;
  };

  // A port at this address that its listener no longer needs.
  std::optional<Port> findUnwanted(const runtime::ListenerSpec& listener, const net::Address& address,
                                   const std::set<Key>& wanted) const;
  static bool isRevived(const Change& change, uint16_t id);
  bool hasListener(const std::string& name) const;
  Result<BoundPort> bind(const runtime::ListenerSpec& listener, const net::Address& address);
  std::optional<BoundPort> takeInherited(const runtime::ListenerSpec& listener, const net::Address& address);
  uint16_t nextId();

  net::UdpNetwork& network_;
  const unsigned workers_;
  std::map<Key, Port> ports_;
  std::map<Key, Port> fresh_;  // between prepare() and commit()
  std::vector<Draining> draining_;
  std::vector<Saved> inherited_;
  uint16_t last_id_ = 0;
};

template <typename Sessions>
std::vector<uint16_t> PortManager::takeExpired(Instant now, Sessions sessions) {
  std::vector<uint16_t> ids;
  std::erase_if(draining_, [&](const Draining& drained) {
    const bool unused = !hasListener(drained.key.listener) && sessions(drained.key.listener) == 0;
    if (now < drained.until && !unused) return false;
    ids.push_back(drained.port.id);
    return true;
  });
  return ids;
}

}  // namespace sluice::reload
