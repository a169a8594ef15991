// Debug log lines about the life of a session. Each call is a change of state, never a packet; nothing is
// formatted unless the level is debug.
#pragma once

#include "source/net/address.h"

namespace sluice::runtime {

class Session;

void logOpened(const Session& session);
// A check from the address has been authenticated.
void logAuthenticated(const Session& session, const net::Address& remote);
// Packets to the client go to remote() from now on.
void logSelected(const Session& session);
void logClosed(const Session& session);

}  // namespace sluice::runtime
