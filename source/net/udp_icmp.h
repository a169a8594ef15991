// ICMP errors from a socket's error queue, and the DF bit.
#pragma once

#include <optional>

#include "source/net/udp.h"

namespace sluice::net {

// Makes the kernel report ICMP errors on an unconnected socket.
void enableIcmp(int fd, const Address& local);

// The next error, or nothing. Skips errors that are not ICMP.
std::optional<IcmpError> readIcmp(int fd);

// Sets the DF bit of later packets. True: packets that are too long fail with EMSGSIZE. False: the kernel
// fragments packets that exceed the known path MTU.
void setDontFragment(int fd, bool dont_fragment);

}  // namespace sluice::net
