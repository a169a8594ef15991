#include "source/runtime/session_log.h"

#include "source/base/log.h"
#include "source/rooms/room.h"
#include "source/runtime/session.h"
#include "source/runtime/worker_port.h"

namespace sluice::runtime {
namespace {

std::string ownerOf(const Session& session) {
  const auto& player = session.player();
  return player == nullptr ? "" : ", " + player->id + " in " + player->room->name();
}

}  // namespace

void logOpened(const Session& session) {
  if (!log::isEnabled(log::Level::kDebug)) return;
  log::debug("session {} opened: listener {}, chain {}, client {}, to {}{}", session.id(),
             session.port().listener->name, session.chain().spec().name, session.remote().toString(),
             session.local().toString(), ownerOf(session));
}

void logAuthenticated(const Session& session, const net::Address& remote) {
  if (log::isEnabled(log::Level::kDebug))
    log::debug("session {}: address {} authenticated", session.id(), remote.toString());
}

void logSelected(const Session& session) {
  if (log::isEnabled(log::Level::kDebug))
    log::debug("session {}: address {} selected", session.id(), session.remote().toString());
}

void logClosed(const Session& session) {
  if (!log::isEnabled(log::Level::kDebug)) return;
  log::debug("session {} closed: {}; packets in {}, out {}{}", session.id(), session.closeReason(),
             session.activity().packets_in, session.activity().packets_out, ownerOf(session));
}

}  // namespace sluice::runtime
