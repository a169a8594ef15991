// Maps this machine's IP addresses to the external ones of a one-to-one NAT, and lists the machine's
// addresses. Ports stay.
#pragma once

#include <map>
#include <set>

#include "source/base/result.h"
#include "source/net/address.h"

namespace sluice::net {

class AddressMap {
 public:
  // IP addresses with port 0. Several local addresses may share one external address.
  void add(const Address& local, const Address& external) {
    to_external_[local] = external;
    to_local_.emplace(external, local);
  }

  // Returns an address that has no mapping unchanged.
  Address toExternal(const Address& local) const {
    if (to_external_.empty()) return local;
    const auto it = to_external_.find(local.withPort(0));
    return it == to_external_.end() ? local : it->second.withPort(local.port());
  }
  // If several local addresses share `external`: the first that is `known`, otherwise the first.
  template <typename Known>
  Address toLocal(const Address& external, Known known) const {
    if (to_local_.empty()) return external;
    const auto [first, last] = to_local_.equal_range(external.withPort(0));
    if (first == last) return external;
    for (auto it = first; std::next(first) != last && it != last; ++it) {
      if (const Address local = it->second.withPort(external.port()); known(local)) return local;
    }
    return first->second.withPort(external.port());
  }
  const std::map<Address, Address>& entries() const { return to_external_; }  // local to external
  bool operator==(const AddressMap&) const = default;

 private:
  std::map<Address, Address> to_external_;
  std::multimap<Address, Address> to_local_;
};

// The addresses of all interfaces of this machine, port 0. Errors have no path.
Result<std::set<Address>> machineAddresses();

}  // namespace sluice::net
