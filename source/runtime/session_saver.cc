#include "source/runtime/session_saver.h"

#include <algorithm>

namespace sluice::runtime {

SavedWorker saveSessions(const SessionTable& sessions, const Redirects& redirects, Descriptors& descriptors) {
  SavedWorker saved;
  for (const auto& session : sessions.all()) {
    if (session->isClosing()) continue;
    auto one = session->save(descriptors);
    if (one.ok()) {
      saved.sessions.push_back(*std::move(one));
      continue;
    }
    saved.lost.push_back(
        LostSession::of(session->port().listener->name, session->chain().spec().name, one.error(),
                        session->player() != nullptr ? session->player()->negotiated.local.ufrag : ""));
  }
  for (const auto& [key, target] : redirects.all()) {
    saved.redirects.push_back(
        {{key.remote, key.local, key.port, false, {}}, target.owner, target.player->negotiated.local.ufrag});
  }
  return saved;
}

Result<std::unique_ptr<Session>> restoreSession(const SavedSession& saved, SessionHost& host,
                                                const WorkerPorts& ports, const IceTable& players) {
  const rooms::PlayerPtr player = saved.ufrag.empty() ? nullptr : players.playerNamed(saved.ufrag);
  if (!saved.ufrag.empty() && player == nullptr) return Error{"", "its player has left"};
  WorkerPort* port = ports.find(saved.port);
  if (port == nullptr) return Error{"", "its address no longer exists"};
  const auto& chains = port->listener->chains;
  const auto chain = std::find_if(chains.begin(), chains.end(), [&](const auto& c) {
    return c->name == saved.chain && c->serves(saved.bucket);
  });
  if (chain == chains.end()) return Error{"", "its chain no longer exists"};
  std::vector<Tuple> tuples;
  for (const SavedTuple& tuple : saved.tuples) {
    if (WorkerPort* at = ports.find(tuple.port)) {
      tuples.push_back({tuple.remote, tuple.local, at, tuple.authenticated, tuple.since});
    }
  }
  if (tuples.size() != saved.tuples.size() || saved.selected >= tuples.size()) {
    return Error{"", "one of its addresses no longer exists"};
  }
  return std::make_unique<Session>(host, saved, Tuples(std::move(tuples), saved.selected), *port, *chain,
                                   player);
}

void restoreRedirects(const std::vector<SavedRedirect>& saved, const IceTable& players,
                      Redirects& redirects) {
  for (const SavedRedirect& redirect : saved) {
    const rooms::PlayerPtr player = players.playerNamed(redirect.ufrag);
    if (player == nullptr) continue;
    redirects.add({redirect.tuple.remote, redirect.tuple.local, redirect.tuple.port, SessionUsage::kMedia},
                  {redirect.owner, player.get()});
  }
}

}  // namespace sluice::runtime
