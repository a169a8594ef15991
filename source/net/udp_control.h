// Control messages of recvmsg and sendmsg: TOS, TTL and the local address, for IPv4 and IPv6.
#pragma once

#include <sys/socket.h>

#include "source/net/packet.h"

namespace sluice::net {

inline constexpr size_t kControlSize = 128;

// Makes the kernel report TOS, TTL and, on a wildcard socket, the local address.
void enableControl(int fd, const Address& local);

// Fills tos and local from a received header's control messages.
void readControl(msghdr& header, Packet& packet);

// Points `header` at `buffer` (kControlSize bytes, aligned as a cmsghdr), filled with what the packet
// requires; clears it if the packet requires nothing special. `bound` is the socket's address.
void writeControl(const Packet& packet, const Address& bound, uint8_t* buffer, msghdr& header);

}  // namespace sluice::net
