#include "source/runtime/dispatcher.h"

#include <algorithm>

#include "source/base/hash.h"
#include "source/codec/stun.h"
#include "source/crypto/hmac.h"
#include "source/rooms/room.h"
#include "source/runtime/session_log.h"
#include "source/runtime/session_saver.h"

namespace sluice::runtime {
namespace {

std::atomic<uint64_t> last_session_id{0};

// The local part of an ICE check's USERNAME, which this server issued; lives as long as the packet.
std::string_view localUfrag(const net::Packet& packet) {
  if (packet.kind != PacketKind::kStun) return {};
  const auto message = stun::parse(packet.data());
  return message ? stun::localUfrag(*message) : std::string_view();
}

// Equal for the same player, or client, in every process.
uint32_t bucketOf(const net::Packet& first, const rooms::PlayerPtr& player) {
  uint64_t hash = first.remote.site().hash(0);
  if (player != nullptr) {
    hash = kFnvBasis;
    for (const std::string* name : {&player->room->name(), &player->id}) {
      hash = fnv1a(asBytes("/"), fnv1a(asBytes(*name), hash));
    }
  }
  hash = (hash ^ hash >> 32) * kGoldenRatio64;  // makes the high bits depend on all bits
  return static_cast<uint32_t>((hash >> 32) * chain::ChainSpec::kBuckets >> 32);
}

// The sum over all workers, each of which counts its own.
size_t sessionsOf(const ListenerSpec& listener) {
  int64_t sum = 0;
  for (const ListenerStats* stats : listener.stats) sum += stats->sessions.value();
  return static_cast<size_t>(std::max<int64_t>(0, sum));
}

}  // namespace

Dispatcher::Dispatcher(Options options) : options_(std::move(options)) {}

Dispatcher::~Dispatcher() {
  closeAll("shutdown");
  onIterationEnd();
  options_.loop.cancelIterationEnd(*this);
}

void WorkerPort::onPacket(net::PacketPtr&& packet) {
  dispatcher.onDatagram(*this, std::move(packet));
}

void Dispatcher::revivePort(uint16_t id, const ListenerSpecPtr& listener) {
  ports_.revive(id, listener, worker().index(), sessions_);
}

void Dispatcher::removePort(uint16_t id, std::string_view reason) {
  for (const auto& session : sessions_.all()) {
    const auto uses = [&](const Tuple& tuple) { return tuple.port->addressId() == id; };
    if (session->port().addressId() == id || std::ranges::any_of(session->tuples(), uses)) {
      session->close(reason);
    }
  }
  onIterationEnd();
  ports_.remove(id);
}

void Dispatcher::setGeneration(GenerationPtr generation) {
  generation_ = std::move(generation);
  behind_ = sessions_.size();
  ports_.adopt(*generation_);
  if (behind_ == 0) adoption_.record(worker().clock().now() - generation_->published);
}

void Dispatcher::closeAll(std::string_view reason) {
  for (const auto& session : sessions_.all()) session->close(reason);
}

void Dispatcher::addPlayer(const rooms::PlayerPtr& player) {
  ice_.add(player, player->negotiated.local);
}

void Dispatcher::addCredentials(const rooms::PlayerPtr& player, const rooms::IceCredentials& ice) {
  ice_.add(player, ice);
}

const rooms::IceCredentials* Dispatcher::iceCredentials(const rooms::Player& player,
                                                        std::string_view ufrag) const {
  const IceTable::Entry* entry = ice_.find(ufrag);
  return entry != nullptr && entry->player.get() == &player ? &entry->ice : nullptr;
}

void Dispatcher::onCheck(Session& session, const net::Packet& check) {
  sessions_.onEstablished(session);  // it may have begun on a chain that did not authenticate
  if (session.player() != nullptr) ice_.invalidateOlder(*session.player(), localUfrag(check));
}

void Dispatcher::removePlayer(const rooms::PlayerPtr& player) {
  ice_.remove(*player);
  redirects_.remove(*player);
  if (Session* session = sessions_.find(*player)) session->close("left");
}

void Dispatcher::dispatch(WorkerPort& port, net::PacketPtr&& packet, const MailNote* by) {
  packet->kind = classify(packet->data());
  const TupleKey key{packet->remote, packet->local, port.id, usageOf(packet->kind)};
  SessionTuple found = sessions_.find(key);
  if (found.session != nullptr && isSuperseded(*found.session, *packet)) {
    found.session->close("replaced");
    end(*found.session);
    found = {};
  }
  // `owner` stays valid until giveBack(), because an authenticated session is not evicted, unless it counts as
  // authenticated only because its chain did not authenticate when it began.
  const bool is_owner = found.session != nullptr && found.session->isAuthenticated() &&
                        !EvictableSessions::contains(*found.session);
  const SessionTuple owner = is_owner ? found : SessionTuple();
  if (found.session != nullptr && authenticatesAnother(*found.session, *packet)) found = {};
  if (found.session == nullptr) found = admit(port, packet, by);
  if (found.session == nullptr) return;
  Session& session = *found.session;
  packet->tuple = found.tuple;
  if (by != nullptr && !by->redirects) session.redirectWhenAuthenticated(*packet, by->from);
  session.receive(std::move(packet));
  // The check was not authenticated: it was a replay.
  if (owner.session != nullptr && owner.session != &session &&
      !session.isAuthenticated(key.remote, key.local)) {
    sessions_.giveBack(key, owner);
  }
}

// True for a session of a client that requested its address (STUN Binding) before it joined, from the socket
// that it now uses as a player.
bool Dispatcher::isSuperseded(const Session& session, const net::Packet& packet) const {
  return packet.kind == PacketKind::kStun && session.player() == nullptr && !session.isAuthenticated() &&
         ice_.find(localUfrag(packet)) != nullptr;
}

// The address may be that of a player who has vanished: a NAT reuses its ports. A client that sends a valid
// check from the address gets it, once its session has authenticated the check. The previous session
// continues, so a player who forges a source address loses the address at the owner's next check.
bool Dispatcher::authenticatesAnother(const Session& session, const net::Packet& packet) const {
  if (packet.kind != PacketKind::kStun) return false;
  const auto message = stun::parse(packet.data());
  if (!message || message->method != stun::kBinding || message->kind != stun::Class::kRequest) return false;
  const IceTable::Entry* entry = ice_.find(stun::localUfrag(*message));
  return entry != nullptr && entry->player != session.player() && message->checkFingerprint() &&
         message->checkAnyIntegrity(asBytes(entry->ice.password), crypto::hmacSha1, crypto::hmacSha256);
}

void Dispatcher::onMailed(net::PacketPtr&& packet) {
  const MailNote note = packet->note<MailNote>();
  if (WorkerPort* port = ports_.find(packet->via)) return dispatch(*port, std::move(packet), &note);
  mail_lost_.add();
  packet->settle();
  packet.reset();
}

// The mail arrives before the client can have received the response to its check.
void Dispatcher::onRedirect(const net::Packet& check, const Tuple& tuple, unsigned at) {
  net::PacketPtr packet = worker().pool().acquire();
  if (packet == nullptr) return;  // the client's next check is mailed again
  packet->assign(asBytes(localUfrag(check)));
  packet->remote = tuple.remote;
  packet->local = tuple.local;
  packet->via = tuple.port->id;
  packet->setNote(MailNote{.from = worker().index(), .redirects = false});
  if (!worker().mail(at, options_.redirect, packet)) packet->settle();
}

void Dispatcher::onRedirectMailed(net::PacketPtr&& packet) {
  if (const IceTable::Entry* entry = ice_.find(asText(packet->data()))) {
    const TupleKey key{packet->remote, packet->local, packet->via, SessionUsage::kMedia};
    sessions_.forget(key);  // it may have belonged to another player
    redirects_.add(key, {packet->note<MailNote>().from, entry->player.get()});
  }
  packet->settle();
  packet.reset();
}

SessionTuple Dispatcher::admit(WorkerPort& port, net::PacketPtr& packet, const MailNote* by) {
  if (packet->kind == PacketKind::kStun) {
    const IceTable::Entry* entry = ice_.find(localUfrag(*packet));
    if (entry != nullptr) return admitPlayer(port, packet, entry->player, by);
  } else if (usageOf(packet->kind) == SessionUsage::kMedia && forwardToOwner(port, packet, by)) {
    return {};
  }
  if (draining_ || port.draining) {
    drop(port, packet, ListenerDrop::kDraining);
    return {};
  }
  if (packet->kind == PacketKind::kStun) {  // a TURN client may request its address
    const auto turn = sessions_.find({packet->remote, packet->local, port.id, SessionUsage::kTurn});
    if (turn.session != nullptr) return turn;
  }
  return {open(port, packet, nullptr)};
}

// True if the packet was mailed to the owner of its client's session. A mailed packet is not forwarded again.
bool Dispatcher::forwardToOwner(WorkerPort& port, net::PacketPtr& packet, const MailNote* by) {
  if (by != nullptr) return false;
  const auto target = redirects_.find({packet->remote, packet->local, port.id, SessionUsage::kMedia});
  if (!target) return false;
  mail(target->owner, port, packet);
  return true;
}

// The worker that receives a player's first check owns the session. Packets cross between workers later only
// if the client moves to an address that the kernel assigns to another worker.
SessionTuple Dispatcher::admitPlayer(WorkerPort& port, net::PacketPtr& packet, const rooms::PlayerPtr& player,
                                     const MailNote* by) {
  if (Session* session = sessions_.find(*player)) return sessions_.addTuple(*session, *packet, port);
  const auto self = static_cast<int32_t>(worker().index());
  int32_t owner = -1;
  if (!player->observed.worker.compare_exchange_strong(owner, self) && owner != self) {
    if (by != nullptr) {  // the owner's session has just ended
      drop(port, packet, ListenerDrop::kNoSession);
      return {};
    }
    mail(static_cast<unsigned>(owner), port, packet);
    return {};
  }
  return {open(port, packet, player)};
}

Session* Dispatcher::open(WorkerPort& port, net::PacketPtr& packet, rooms::PlayerPtr player) {
  const auto& chains = port.listener->chains;
  // A relay's address does not identify the client behind it: no source prefix matches it.
  const net::Address source = port.isHairpin() ? net::Address() : packet->remote;
  const uint32_t bucket = bucketOf(*packet, player);
  const auto chain = std::find_if(chains.begin(), chains.end(), [&](const auto& c) {
    return c->matches(source, packet->local) && c->serves(bucket);
  });
  const auto refuse = [&](ListenerDrop reason) {
    drop(port, packet, reason);
    return nullptr;
  };
  if (chain == chains.end()) return refuse(ListenerDrop::kNoChain);
  const bool authenticates = (*chain)->authenticates;
  const bool may_begin = packet->kind == PacketKind::kStun || packet->kind == PacketKind::kTurn;
  if (authenticates && !may_begin) return refuse(ListenerDrop::kNoSession);
  if (const auto full = enforceLimits(port, *packet, authenticates)) return refuse(*full);
  port.stats->sessions_opened.add();
  const uint64_t id = last_session_id.fetch_add(1, std::memory_order_relaxed) + 1;
  Session& session =
      adopt(std::make_unique<Session>(*this, id, *packet, port, *chain, bucket, std::move(player)));
  logOpened(session);
  return &session;
}

Session& Dispatcher::adopt(std::unique_ptr<Session> session) {
  session->port().stats->sessions.add(1);
  options_.total_sessions.fetch_add(1, std::memory_order_relaxed);
  return sessions_.add(std::move(session));
}

// Evicts sessions if limits require it. Returns the drop reason if a limit still forbids the session.
std::optional<ListenerDrop> Dispatcher::enforceLimits(WorkerPort& port, const net::Packet& packet,
                                                      bool unauthenticated) {
  const SessionLimits& limits = generation_->limits;
  EvictableSessions& evictable = sessions_.evictable();
  const bool source_full = !port.isHairpin() && sessions_.fromSource(packet.remote) >= limits.per_source;
  if (source_full && !evict(evictable.nextOfSource(packet.remote.site()))) return ListenerDrop::kSourceLimit;
  const bool full = options_.total_sessions.load(std::memory_order_relaxed) >= limits.sessions;
  if (full && !evict(evictable.next())) return ListenerDrop::kSessionLimit;
  if (sessionsOf(*port.listener) >= port.listener->max_sessions &&
      !evict(evictable.nextOfListener(port.listener->name))) {
    return ListenerDrop::kListenerLimit;
  }
  const size_t share = std::max<size_t>(1, limits.unauthenticated / worker().count());
  const bool unauthenticated_full = unauthenticated && evictable.unauthenticated() >= share;
  if (unauthenticated_full && !evict(evictable.nextUnauthenticated())) return ListenerDrop::kSessionLimit;
  return std::nullopt;
}

bool Dispatcher::evict(Session* session) {
  if (session == nullptr || session->isClosing()) return false;
  session->port().stats->sessions_evicted.add();
  session->close("evicted");
  end(*session);
  return true;
}

void Dispatcher::mail(unsigned owner, WorkerPort& port, net::PacketPtr& packet) {
  packet->via = port.id;
  const bool redirects =
      redirects_.find({packet->remote, packet->local, port.id, SessionUsage::kMedia}).has_value();
  packet->setNote(MailNote{worker().index(), redirects});
  if (!worker().mail(owner, options_.deliver, packet)) drop(port, packet, ListenerDrop::kMailboxFull);
}

void Dispatcher::drop(WorkerPort& port, net::PacketPtr& packet, ListenerDrop reason) {
  port.stats->drop(reason);
  packet->settle();
  packet.reset();
}

void Dispatcher::onAdopted() {
  if (--behind_ == 0) adoption_.record(worker().clock().now() - generation_->published);
}

void Dispatcher::onClosing(Session& session) {
  closing_.push_back(&session);
  options_.loop.atIterationEnd(*this);
}

void Dispatcher::onIterationEnd() {
  while (!closing_.empty()) end(*closing_.back());
}

void Dispatcher::end(Session& session) {
  std::erase(closing_, &session);
  logClosed(session);
  if (session.generation() != generation_->version) onAdopted();  // it will never adopt it
  session.port().stats->sessions.add(-1);
  session.port().stats->closed.count(session.closeReason());
  options_.total_sessions.fetch_sub(1, std::memory_order_relaxed);
  if (session.player() != nullptr) {
    ice_.remove(*session.player());
    options_.player_gone(session);
  }
  sessions_.remove(session);
}

void Dispatcher::flush() {
  for (const auto& session : sessions_.all()) session->flush();
}

SavedWorker Dispatcher::save(Descriptors& descriptors) {
  return saveSessions(sessions_, redirects_, descriptors);
}

std::vector<LostSession> Dispatcher::load(const SavedWorker& saved, Descriptors& descriptors) {
  std::vector<LostSession> lost;
  for (const SavedSession& session : saved.sessions) {
    const Status status = load(session, descriptors);
    if (!status.ok())
      lost.push_back(LostSession::of(session.listener, session.chain, status.error(), session.ufrag));
  }
  restoreRedirects(saved.redirects, ice_, redirects_);
  return lost;
}

Status Dispatcher::load(const SavedSession& saved, Descriptors& descriptors) {
  auto restored = restoreSession(saved, *this, ports_, ice_);
  if (!restored.ok()) return restored.errors();
  Session& session = adopt(*std::move(restored));
  uint64_t last = last_session_id.load(std::memory_order_relaxed);
  while (last < saved.id && !last_session_id.compare_exchange_weak(last, saved.id)) {
  }
  const Status status = session.load(saved, descriptors);
  if (!status.ok()) session.close("not_taken_over");
  return status;
}

void Dispatcher::handOver() {
  for (const auto& session : sessions_.all()) session->handOver();
  while (sessions_.size() > 0) sessions_.remove(*sessions_.all().back());
  closing_.clear();
  ports_.clear();
}

}  // namespace sluice::runtime
