#include "source/server/port_manager.h"

#include <unistd.h>

#include <algorithm>
#include <set>

namespace sluice::server {
namespace {

void closeAll(const PortManager::Change& change) {
  for (const auto& ports : change.added) {
    for (const runtime::NewPort& port : ports) close(port.fd);
  }
}

// SO_REUSEPORT would let two processes share an address without a word; one socket without it asks first.
Status checkFree(const net::Address& address) {
  auto probe = net::bindUdpSocket(address, {});
  if (!probe.ok()) return probe.error();
  close(*probe);
  return Done{};
}

}  // namespace

Result<PortManager::Change> PortManager::prepare(const runtime::Generation& generation) {
  Change change;
  change.added.resize(workers_);
  fresh_.clear();
  std::set<Key> wanted;
  Errors errors;
  for (size_t i = 0; i < generation.listeners.size(); ++i) {
    const runtime::ListenerSpecPtr& listener = generation.listeners[i];
    for (size_t j = 0; j < listener->addresses.size(); ++j) {
      const Key key{listener->name, listener->addresses[j]};
      wanted.insert(key);
      if (ports_.contains(key)) continue;
      if (Status bound = bind(listener, key.address, change); !bound.ok()) {
        const std::string path = "listeners[" + std::to_string(i) + "].";
        errors.push_back({path + (j == 0 ? "address" : "additional_addresses[" + std::to_string(j - 1) + "]"),
                          bound.error().message});
      }
    }
  }
  if (!errors.empty()) {
    closeAll(change);
    fresh_.clear();
    return errors;
  }
  for (const auto& [key, port] : ports_) {
    if (!wanted.contains(key)) change.removed.push_back(port.id);
  }
  return change;
}

Status PortManager::bind(const runtime::ListenerSpecPtr& listener, const net::Address& address,
                         Change& change) {
  if (address.port() != 0) {
    if (Status free = checkFree(address); !free.ok()) return free;
  }
  net::Address bound = address;
  const uint16_t id = next_id_++;
  for (unsigned worker = 0; worker < workers_; ++worker) {
    auto fd = net::bindUdpSocket(bound, listener->socket);
    if (!fd.ok()) return fd.error();
    bound = net::boundAddress(*fd);
    change.added[worker].push_back({id, *fd, listener});
  }
  fresh_[{listener->name, address}] = {id, bound};
  return Done{};
}

void PortManager::commit(const Change& change) {
  std::erase_if(ports_, [&](const auto& entry) {
    return std::find(change.removed.begin(), change.removed.end(), entry.second.id) != change.removed.end();
  });
  ports_.merge(fresh_);
  fresh_.clear();
}

std::vector<net::Address> PortManager::lostBy(const runtime::Generation& generation) const {
  std::vector<net::Address> lost;
  for (const auto& [key, port] : ports_) {
    const runtime::ListenerSpec* listener = generation.find(key.listener);
    const bool stays = listener != nullptr &&
                       std::ranges::find(listener->addresses, key.address) != listener->addresses.end();
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

}  // namespace sluice::server
