// Log lines of a session's life, at level debug. Each call is a change of state, never a packet; below that
// level nothing is formatted.
#pragma once

#include "source/net/address.h"

namespace sluice::runtime {

class Session;

void logOpened(const Session& session);
// A check from the address has proven the client.
void logAuthenticated(const Session& session, const net::Address& remote);
// What the client is sent goes to remote() from now on.
void logSelected(const Session& session);
void logClosed(const Session& session);

}  // namespace sluice::runtime
