// Many TURN clients (RFC 8656) behind one socket, each with its own loopback address, so that one system call
// sends or receives for all of them. Sets up allocations and channels; the caller sends.
#pragma once

#include <netinet/in.h>

#include <string>
#include <vector>

#include "source/codec/stun.h"

namespace sluice::bench {

struct TurnUser {
  std::string name;
  std::string password;
};

struct TurnClient {
  in_addr address;        // the address from which it sends
  sockaddr_in relayed{};  // known once allocated
  std::string realm{};
  std::string nonce{};
};

struct Channel {
  size_t client;    // its index
  uint16_t number;  // 0x4000 to 0x4FFF
  sockaddr_in peer;
};

// Allocates for every client and binds every channel, a few requests at a time, each retransmitted until it
// gets a response. Exits if the server refuses or does not respond.
void setUp(int fd, const sockaddr_in& server, const TurnUser& user, std::vector<TurnClient>& clients,
           const std::vector<Channel>& channels);

// One datagram from one of the clients' addresses, as an unconnected socket on all addresses must specify.
struct Outgoing {
  in_addr from;
  sockaddr_in to;
  Bytes bytes;
};
// Returns how many were sent. At most 64 at once.
uint64_t sendFrom(int fd, const Outgoing* packets, size_t count);

}  // namespace sluice::bench
