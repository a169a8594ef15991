#include "source/reload/port_manager.h"

#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

#include "source/runtime/worker_port.h"

namespace sluice::reload {
namespace {

// With reuse_port, two processes would share an address unnoticed; binding it without detects that.
Status checkFree(net::UdpNetwork& network, const net::Address& address) {
  const auto probe = network.reserve(address);
  if (!probe.ok()) return probe.error();
  return Done{};
}

}  // namespace

Result<PortManager::Change> PortManager::prepare(const runtime::Generation& generation) {
  Change change;
  change.added.resize(workers_);
  fresh_.clear();
  std::set<Key> wanted;
  for (const runtime::ListenerSpecPtr& listener : generation.listeners) {
    for (const net::Address& address : listener->addresses) wanted.insert({listener->name, address});
  }
  Errors errors;
  for (size_t i = 0; i < generation.listeners.size(); ++i) {
    const runtime::ListenerSpecPtr& listener = generation.listeners[i];
    for (size_t j = 0; j < listener->addresses.size(); ++j) {
      const Key key{listener->name, listener->addresses[j]};
      if (ports_.contains(key)) continue;
      if (const auto port = findUnwanted(*listener, key.address, wanted)) {
        change.revived.push_back({port->id, listener});
        fresh_[key] = *port;
        continue;
      }
      auto bound = bind(*listener, key.address);
      if (!bound.ok()) {
        const std::string path = "listeners[" + std::to_string(i) + "].";
        errors.push_back({path + (j == 0 ? "address" : "additional_addresses[" + std::to_string(j - 1) + "]"),
                          bound.error().message});
        continue;
      }
      for (unsigned worker = 0; worker < workers_; ++worker) {
        change.added[worker].push_back({bound->port.id, std::move(bound->sockets[worker]), listener});
      }
      fresh_[key] = std::move(bound->port);
    }
  }
  if (!errors.empty()) {
    fresh_.clear();
    return errors;
  }
  for (const auto& [key, port] : ports_) {
    if (!wanted.contains(key) && !isRevived(change, port.id)) change.drained.push_back(port.id);
  }
  return change;
}

void PortManager::abandon(Change) {
  fresh_.clear();
}

void PortManager::BoundPort::add(std::unique_ptr<net::UdpReservation> socket) {
  port.bound = socket->local();
  port.descriptors.push_back(socket->descriptor());
  sockets.push_back(std::move(socket));
}

std::optional<PortManager::Port> PortManager::findUnwanted(const runtime::ListenerSpec& listener,
                                                           const net::Address& address,
                                                           const std::set<Key>& wanted) const {
  const auto fits = [&](const Key& key) {
    return key.address == address && (address.port() != 0 || key.listener == listener.name);
  };
  for (const auto& [key, port] : ports_) {
    if (fits(key) && !wanted.contains(key)) return port;
  }
  for (const Draining& drained : draining_) {
    if (fits(drained.key)) return drained.port;
  }
  return std::nullopt;
}

bool PortManager::isRevived(const Change& change, uint16_t id) {
  return std::ranges::any_of(change.revived, [&](const auto& revived) { return revived.id == id; });
}

bool PortManager::hasListener(const std::string& name) const {
  return std::ranges::any_of(ports_, [&](const auto& entry) { return entry.first.listener == name; });
}

Result<PortManager::BoundPort> PortManager::bind(const runtime::ListenerSpec& listener,
                                                 const net::Address& address) {
  if (auto inherited = takeInherited(listener, address)) return *std::move(inherited);
  if (address.port() != 0) {
    if (Status free = checkFree(network_, address); !free.ok()) return free.error();
  }
  BoundPort bound{{nextId(), address, {}}, {}};
  for (unsigned worker = 0; worker < workers_; ++worker) {
    auto socket = network_.reserve(bound.port.bound, listener.socket);
    if (!socket.ok()) return socket.error();
    bound.add(*std::move(socket));
  }
  return bound;
}

std::optional<PortManager::BoundPort> PortManager::takeInherited(const runtime::ListenerSpec& listener,
                                                                 const net::Address& address) {
  const auto fits = [&](const Saved& saved) {
    return saved.address == address && saved.descriptors.size() == workers_ &&
           std::ranges::all_of(saved.descriptors, [](int fd) { return fd >= 0; }) &&
           (address.port() != 0 || saved.listener == listener.name);
  };
  const auto it = std::find_if(inherited_.begin(), inherited_.end(), fits);
  if (it == inherited_.end()) return std::nullopt;
  BoundPort bound{{it->id, it->bound, {}}, {}};
  for (const int fd : it->descriptors) bound.add(network_.adopt(fd));
  inherited_.erase(it);
  return bound;
}

// Below WorkerPort::kHairpin, and not in use by a port.
uint16_t PortManager::nextId() {
  const auto used = [&](const auto& entry) { return entry.second.id == last_id_; };
  do {
    last_id_ = last_id_ + 1 < runtime::WorkerPort::kHairpin ? static_cast<uint16_t>(last_id_ + 1) : 1;
  } while (std::ranges::any_of(ports_, used) || std::ranges::any_of(fresh_, used) ||
           std::ranges::any_of(draining_, [&](const Draining& d) { return d.port.id == last_id_; }));
  return last_id_;
}

void PortManager::Saved::archive(Archive& a) {
  auto count = static_cast<uint32_t>(descriptors.size());
  a(listener, address, bound, id, count);
  if (a.isReading()) descriptors.assign(std::min<uint32_t>(count, 64), -1);
  for (int& descriptor : descriptors) a.descriptor(descriptor);
}

std::vector<PortManager::Saved> PortManager::save() const {
  std::vector<Saved> all;
  for (const auto& [key, port] : ports_) {
    all.push_back({key.listener, key.address, port.bound, port.id, port.descriptors});
  }
  return all;
}

void PortManager::inherit(std::vector<Saved> ports) {
  inherited_ = std::move(ports);
  for (const Saved& port : inherited_) last_id_ = std::max(last_id_, port.id);
}

void PortManager::commit(const Change& change, Instant until) {
  for (const Saved& unwanted : std::exchange(inherited_, {})) {
    for (const int fd : unwanted.descriptors) close(fd);
  }
  std::erase_if(draining_, [&](const Draining& drained) { return isRevived(change, drained.port.id); });
  for (auto it = ports_.begin(); it != ports_.end();) {
    const auto& [key, port] = *it;
    const bool drained = std::ranges::find(change.drained, port.id) != change.drained.end();
    if (drained) draining_.push_back({key, port, until});
    it = drained || isRevived(change, port.id) ? ports_.erase(it) : std::next(it);
  }
  ports_.merge(fresh_);
  fresh_.clear();
}

std::vector<net::Address> PortManager::lostBy(const runtime::Generation& generation) const {
  std::vector<net::Address> lost;
  for (const auto& [key, port] : ports_) {
    const bool stays = std::ranges::any_of(generation.listeners, [&key = key](const auto& listener) {
      const bool same = key.address.port() != 0 || listener->name == key.listener;
      return same && std::ranges::find(listener->addresses, key.address) != listener->addresses.end();
    });
    if (!stays) lost.push_back(port.bound);
  }
  return lost;
}

std::vector<net::Address> PortManager::addresses(const std::string& listener) const {
  std::vector<net::Address> all;
  for (const auto& [key, port] : ports_) {
    if (key.listener == listener) all.push_back(port.bound);
  }
  return all;
}

}  // namespace sluice::reload
