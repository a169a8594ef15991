// Many TURN clients (RFC 8656) behind one socket, each with a loopback address of its own: so one system call
// sends or receives for all of them. Sets up allocations and channels; sending is the caller's.
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
  in_addr address;        // what it sends from
  sockaddr_in relayed{};  // known once allocated
  std::string realm{};
  std::string nonce{};
};

struct Channel {
  size_t client;    // its index
  uint16_t number;  // 0x4000 to 0x4FFF
  sockaddr_in peer;
};

// Allocates for every client and binds every channel, a few requests at a time, each repeated until answered.
// Exits if the server refuses or stays silent.
void setUp(int fd, const sockaddr_in& server, const TurnUser& user, std::vector<TurnClient>& clients,
           const std::vector<Channel>& channels);

// One datagram from an address of ours, which an unconnected socket on all addresses needs to be told.
struct Outgoing {
  in_addr from;
  sockaddr_in to;
  Bytes bytes;
};
// How many went out. At most 64 at once.
uint64_t sendFrom(int fd, const Outgoing* packets, size_t count);

}  // namespace sluice::bench
