#include "source/takeover/lost_sessions.h"

#include <map>
#include <set>
#include <string>

#include "source/base/log.h"

namespace sluice::takeover {

void settleLostSessions(const runtime::LoadingWorkers::Loaded& loaded, rooms::Directory& rooms) {
  std::map<std::string, size_t> reasons;
  std::set<std::string> gone;  // the ICE ufrags of their players
  for (const auto& session : loaded.lost) {
    ++reasons[session.where + ": " + session.why];
    gone.insert(session.ufrag);
  }
  for (const auto& [reason, count] : reasons) log::warn("not taken over: {} sessions, {}", count, reason);
  for (const auto& room : rooms.rooms()) {
    for (const auto& player : room.players) {
      if (gone.contains(player->negotiated.local.ufrag)) rooms.leave(player, rooms::Departure::kSessionEnded);
    }
  }
}

}  // namespace sluice::takeover
