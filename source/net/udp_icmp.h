// ICMP errors from a socket's error queue, and the DF bit.
#pragma once

#include <optional>

#include "source/net/udp.h"

namespace sluice::net {

// Asks the kernel for the ICMP errors of an unconnected socket, and to fragment what is too long.
void enableIcmp(int fd, const Address& local);

// The next one, or nothing. Errors that are no ICMP are passed over.
std::optional<IcmpError> readIcmp(int fd);

// For what is sent from now on; only IPv4 can fragment on the way.
void setDontFragment(int fd, bool dont_fragment);

}  // namespace sluice::net
