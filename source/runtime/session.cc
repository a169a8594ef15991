#include "source/runtime/session.h"

#include <algorithm>

#include "source/runtime/session_log.h"
#include "source/runtime/worker_port.h"

namespace sluice::runtime {

Session::Session(SessionHost& host, uint64_t id, const net::Packet& first, WorkerPort& port,
                 chain::ChainSpecPtr chain, uint32_t bucket, rooms::PlayerPtr player)
    : host_(host),
      id_(id),
      port_(&port),
      usage_(usageOf(first.kind)),
      player_(std::move(player)),
      tuples_({{first.remote, first.local, &port, !chain->authenticates, first.received}}, 0),
      authenticated_(!chain->authenticates),
      activity_(SessionActivity::beginning(first.received)),
      generation_(host.generation().version),
      bucket_(bucket),
      chain_(std::move(chain), *this, *this, host.worker()) {
  countIn(chain_.spec(), 1);
}

Session::Session(SessionHost& host, const SavedSession& saved, Tuples tuples, WorkerPort& port,
                 chain::ChainSpecPtr chain, rooms::PlayerPtr player)
    : host_(host),
      id_(saved.id),
      port_(&port),
      usage_(saved.usage),
      player_(std::move(player)),
      tuples_(std::move(tuples)),
      authenticated_(saved.authenticated),
      answered_(saved.answered),
      activity_(saved.activity),
      generation_(host.generation().version),
      bucket_(saved.bucket),
      chain_(std::move(chain), *this, *this, host.worker()) {
  countIn(chain_.spec(), 1);
}

Session::~Session() {
  countIn(chain_.spec(), -1);
}

void Session::countIn(const chain::ChainSpec& chain, int64_t change) {
  if (!chain.stats.empty()) chain.stats[host_.worker().index()]->sessions.add(change);
}

Result<SavedSession> Session::save(Descriptors& descriptors) {
  auto filters = chain_.save(descriptors);
  if (!filters.ok()) return filters.errors();
  SavedSession saved{.id = id_,
                     .listener = port_->listener->name,
                     .chain = chain_.spec().name,
                     .usage = usage_,
                     .port = port_->id,
                     .ufrag = player_ != nullptr ? player_->negotiated.local.ufrag : "",
                     .tuples = {},
                     .selected = static_cast<uint32_t>(tuples_.selectedIndex()),
                     .authenticated = authenticated_,
                     .bucket = bucket_,
                     .answered = answered_,
                     .activity = activity_,
                     .filters = *std::move(filters),
                     .drops = drops()};
  for (const Tuple& tuple : tuples_.all()) {
    saved.tuples.push_back({tuple.remote, tuple.local, tuple.port->id, tuple.authenticated, tuple.since});
  }
  return saved;
}

Status Session::load(const SavedSession& saved, Descriptors& descriptors) {
  chain_.loadDrops(saved.drops, kListenerDropNames);
  return chain_.load(saved.filters, descriptors);
}

void Session::receive(net::PacketPtr&& packet) {
  if (generation_ != host_.generation().version) adopt(host_.generation());
  if (isClosing()) return drop(std::move(packet), ListenerDrop::kClosing);
  activity_.last = packet->received;
  ++activity_.packets_in;
  chain_.ingress(std::move(packet));
}

const rooms::IceCredentials* Session::iceCredentials(std::string_view local_ufrag) const {
  return player_ == nullptr ? nullptr : host_.iceCredentials(*player_, local_ufrag);
}

bool Session::authenticate(const net::Packet& check) {
  Tuple* tuple = tuples_.find(check);
  if (tuple == nullptr) return false;
  if (const auto worker = std::exchange(tuple->redirect_at, std::nullopt)) {
    host_.onRedirect(check, *tuple, *worker);
  }
  host_.onCheck(*this, check);
  if (std::exchange(tuple->authenticated, true)) return true;
  logAuthenticated(*this, tuple->remote);
  if (!std::exchange(authenticated_, true)) {
    tuples_.select(*tuple);
    host_.onEstablished(*this);
  }
  chain_.announceAuthenticated(check.remote);
  return true;
}

bool Session::isAuthenticated(const net::Packet& packet) const {
  const Tuple* tuple = tuples_.find(packet);
  return tuple != nullptr && tuple->authenticated;
}

bool Session::isAuthenticated(const net::Address& remote, const net::Address& local) const {
  const Tuple* tuple = tuples_.find(remote, local);
  return tuple != nullptr && tuple->authenticated;
}

void Session::unauthenticate() {
  if (!std::exchange(authenticated_, false)) return;
  tuples_.unauthenticate();
  activity_.unauthenticated_since = host_.worker().clock().now();
  host_.onUnauthenticated(*this);
}

void Session::redirectWhenAuthenticated(const net::Packet& packet, unsigned worker) {
  tuples_[packet.tuple].redirect_at = worker;
}

void Session::select(const net::Address& remote, const net::Address& local) {
  const Tuple* tuple = tuples_.find(remote, local);
  if (tuple == nullptr || !tuple->authenticated) return;
  if (tuples_.select(*tuple)) logSelected(*this);
}

void Session::keepAlive() {
  activity_.last = host_.worker().clock().now();
  if (!std::exchange(answered_, true) && !chain_.spec().authenticates) host_.onEstablished(*this);
}

void Session::close(std::string_view reason) {
  if (isClosing()) return;
  close_reason_ = reason;
  host_.onClosing(*this);
}

void Session::adopt(const Generation& generation) {
  generation_ = generation.version;
  host_.onAdopted();
  const ListenerSpec* listener = generation.find(port().listener->name);
  if (listener == nullptr || port().draining) return leave("listener_removed", generation.drain);
  const auto named = std::find_if(listener->chains.begin(), listener->chains.end(), [&](const auto& chain) {
    return chain->name == chain_.spec().name && chain->serves(bucket_);
  });
  if (named == listener->chains.end()) return leave("chain_removed", generation.drain);
  drain_ = {};
  countIn(chain_.spec(), -1);
  chain_.adopt(*named);
  countIn(chain_.spec(), 1);
}

void Session::leave(std::string_view reason, Duration drain) {
  if (drain == Duration::zero()) return close(reason);
  drain_ = {.end = std::min(drain_.end, host_.worker().clock().now() + drain), .reason = reason};
}

void Session::drop(net::PacketPtr packet, ListenerDrop reason) {
  port().stats->drop(reason);
  chain_.countEndDrop(reason);
  packet->settle();
}

void Session::onInnerEnd(net::PacketPtr&& packet) {
  drop(std::move(packet), ListenerDrop::kUnhandled);
}

void Session::onOuterEnd(net::PacketPtr&& packet) {
  if (packet->route() == net::Packet::Route::kExplicit) return sendExplicitly(std::move(packet));
  const Tuple* tuple =
      packet->route() == net::Packet::Route::kReply ? tuples_.find(*packet) : &tuples_.selected();
  if (tuple == nullptr) return drop(std::move(packet), ListenerDrop::kNoTuple);
  packet->remote = tuple->remote;
  packet->local = tuple->local;
  ++activity_.packets_out;
  tuple->port->udp->send(std::move(packet));
}

void Session::sendExplicitly(net::PacketPtr packet) {
  WorkerPort* sibling = host_.portAt(port(), packet->local);
  if (sibling == nullptr || port().isHairpin()) {  // no port is bound to a relay's address
    return drop(std::move(packet), ListenerDrop::kNoTuple);
  }
  ++activity_.packets_out;
  sibling->udp->send(std::move(packet));
}

}  // namespace sluice::runtime
