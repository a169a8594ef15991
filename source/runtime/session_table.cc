#include "source/runtime/session_table.h"

#include "source/runtime/worker_port.h"

namespace sluice::runtime {
namespace {

TupleKey keyOf(const Tuple& tuple, const Session& session) {
  return {tuple.remote, tuple.local, tuple.port->id, session.usage()};
}

}  // namespace

SessionTuple SessionTable::find(const TupleKey& key) const {
  const auto it = by_tuple_.find(key);
  return it == by_tuple_.end() ? SessionTuple() : it->second;
}

Session* SessionTable::find(const rooms::Player& player) const {
  const auto it = by_player_.find(&player);
  return it == by_player_.end() ? nullptr : it->second;
}

size_t SessionTable::fromSource(const net::Address& remote) const {
  const auto it = by_source_.find(remote.site());
  return it == by_source_.end() ? 0 : it->second;
}

Session& SessionTable::add(std::unique_ptr<Session> owned) {
  Session& session = *owned;
  session.table_index_ = sessions_.size();
  sessions_.push_back(std::move(owned));
  uint8_t index = 0;
  for (const Tuple& tuple : session.tuples()) by_tuple_[keyOf(tuple, session)] = {&session, index++};
  const Tuple& first = session.tuples().front();
  if (!first.port->isHairpin()) {  // sessions behind relays are bounded by the allocations
    session.source_ = first.remote.site();
    ++by_source_[session.source_];
  }
  if (session.player() != nullptr) by_player_[session.player().get()] = &session;
  if (!session.isEstablished())
    evictable_.add(session, session.source_, session.activity().unauthenticated_since);
  return session;
}

SessionTuple SessionTable::addTuple(Session& session, const net::Packet& packet, WorkerPort& port) {
  const Tuples::Added added = session.addTuple(packet, port);
  if (added.replaced) forgetTuple(*added.replaced, session);
  return by_tuple_[{packet.remote, packet.local, port.id, session.usage()}] = {&session, added.index};
}

// The address may belong to another session by now.
void SessionTable::forgetTuple(const Tuple& tuple, const Session& session) {
  const auto it = by_tuple_.find(keyOf(tuple, session));
  if (it != by_tuple_.end() && it->second.session == &session) by_tuple_.erase(it);
}

void SessionTable::remove(Session& session) {
  for (const Tuple& tuple : session.tuples()) forgetTuple(tuple, session);
  const auto source = by_source_.find(session.source_);
  if (source != by_source_.end() && --source->second == 0) by_source_.erase(source);
  if (session.player() != nullptr) by_player_.erase(session.player().get());
  evictable_.remove(session);
  const size_t index = session.table_index_;
  std::swap(sessions_[index], sessions_.back());
  sessions_[index]->table_index_ = index;
  sessions_.pop_back();
}

}  // namespace sluice::runtime
