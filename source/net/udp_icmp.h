// ICMP errors from a socket's error queue, and the DF bit.
#pragma once

#include <optional>

#include "source/net/udp.h"

namespace sluice::net {

// Asks the kernel for the ICMP errors of an unconnected socket.
void enableIcmp(int fd, const Address& local);

// The next one, or nothing. Errors that are no ICMP are passed over.
std::optional<IcmpError> readIcmp(int fd);

// For what is sent from now on. True: never fragmented, and refused with EMSGSIZE where it is too long.
// False: the system follows the path MTU that it knows, and fragments here what is longer.
void setDontFragment(int fd, bool dont_fragment);

}  // namespace sluice::net
