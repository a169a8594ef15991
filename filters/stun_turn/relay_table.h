// The relayed addresses of this process: few IP addresses, any ports. Lookups take no lock and are allowed on
// any thread, even for each packet.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <utility>

#include "source/net/address.h"

namespace sluice::stun_turn {

class RelayTable {
 public:
  ~RelayTable() {
    for (Ports* ports = first_.load(); ports != nullptr;) delete std::exchange(ports, ports->next);
  }

  void add(const net::Address& relay) { portsOf(relay).word(relay).fetch_or(bit(relay)); }
  void remove(const net::Address& relay) { portsOf(relay).word(relay).fetch_and(~bit(relay)); }
  bool has(const net::Address& address) const {
    Ports* const ports = find(address.withPort(0));
    return ports != nullptr && (ports->word(address).load(std::memory_order_relaxed) & bit(address)) != 0;
  }

 private:
  // The ports of one IP address; never removed, since an address that had relays will have more.
  struct Ports {
    const net::Address ip;
    Ports* const next;
    std::array<std::atomic<uint64_t>, 65'536 / 64> words{};

    std::atomic<uint64_t>& word(const net::Address& address) { return words[address.port() / 64]; }
  };
  static uint64_t bit(const net::Address& address) { return uint64_t{1} << address.port() % 64; }

  Ports* find(const net::Address& ip) const {
    Ports* ports = first_.load(std::memory_order_acquire);
    while (ports != nullptr && ports->ip != ip) ports = ports->next;
    return ports;
  }
  Ports& portsOf(const net::Address& relay) {
    const std::lock_guard lock(mutex_);
    Ports* ports = find(relay.withPort(0));
    if (ports == nullptr) {
      ports = new Ports{relay.withPort(0), first_.load()};
      first_.store(ports, std::memory_order_release);
    }
    return *ports;
  }

  std::atomic<Ports*> first_{nullptr};
  std::mutex mutex_;  // guards additions to the list
};

}  // namespace sluice::stun_turn
