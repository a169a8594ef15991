// ICMP errors from a socket's error queue, and the DF bit.
#pragma once

#include <optional>

#include "source/net/udp.h"

namespace sluice::net {

// Asks the kernel for the ICMP errors of an unconnected socket.
void enableIcmp(int fd, const Address& local);

// The next error, or nothing. Skips errors that are not ICMP.
std::optional<IcmpError> readIcmp(int fd);

// Applies to packets sent from now on. True: never fragmented; refused with EMSGSIZE if too long. False: the
// system follows the path MTU that it knows and fragments longer packets.
void setDontFragment(int fd, bool dont_fragment);

}  // namespace sluice::net
