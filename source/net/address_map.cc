#include "source/net/address_map.h"

#include <ifaddrs.h>

#include "source/base/system_error.h"

namespace sluice::net {

Result<std::set<Address>> machineAddresses() {
  std::set<Address> addresses;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return systemError("cannot list this machine's addresses");
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    const int family = entry->ifa_addr->sa_family;
    if (family == AF_INET || family == AF_INET6) {
      addresses.insert(Address::fromSockaddr(entry->ifa_addr).withPort(0));
    }
  }
  freeifaddrs(list);
  return addresses;
}

}  // namespace sluice::net
