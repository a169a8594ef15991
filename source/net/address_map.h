// What a one-to-one NAT before this machine makes of its IP addresses; and which ones it has. Ports stay.
#pragma once

#include <map>
#include <set>

#include "source/net/address.h"

namespace sluice::net {

class AddressMap {
 public:
  // IP addresses with port 0. Of several behind one external address the first is what it leads to.
  void add(const Address& local, const Address& external) {
    to_external_[local] = external;
    to_local_.emplace(external, local);
  }

  // Addresses that no NAT changes come back as they are.
  Address toExternal(const Address& local) const { return mapped(to_external_, local); }
  Address toLocal(const Address& external) const { return mapped(to_local_, external); }
  const std::map<Address, Address>& entries() const { return to_external_; }  // local to external
  bool operator==(const AddressMap&) const = default;

 private:
  static Address mapped(const std::map<Address, Address>& map, const Address& address) {
    if (map.empty()) return address;
    const auto it = map.find(address.withPort(0));
    return it == map.end() ? address : it->second.withPort(address.port());
  }

  std::map<Address, Address> to_external_;
  std::map<Address, Address> to_local_;
};

// Of all interfaces of this machine, port 0.
std::set<Address> machineAddresses();

}  // namespace sluice::net
