// Admission, limits and timeouts with a manual clock; workers_test.cc does the same with threads and sockets.
#include <map>

#include "test/runtime/clients.h"
#include "test/runtime/dispatcher_fixture.h"

namespace sluice::runtime {
namespace {

using Fixture = DispatcherFixture;

TEST_CASE("on a chain that authenticates, only STUN begins a session") {
  Fixture f;
  f.receive(kAlice, kVoice);
  CHECK(f.dropped(ListenerDrop::kNoSession) == 1);
  f.receive(kAlice, check());
  f.receive(kAlice, kVoice);
  CHECK(f.dispatcher.sessions().size() == 1);
  CHECK(f.find(kAlice)->activity().packets_in == 2);
  CHECK(f.stats.sessions_opened.value() == 1);
}

TEST_CASE("a client that no chain serves is dropped") {
  Fixture f;
  f.receive(*Address::parse("203.0.113.1:1"), check());
  CHECK(f.dropped(ListenerDrop::kNoChain) == 1);
}

TEST_CASE("sessions are limited in total, and by source over all its ports") {
  Fixture f({.authenticates = false, .limits = {.sessions = 2, .per_source = 1}});
  f.hook = kAnswered;
  f.receive(kAlice, kVoice);
  f.receive(kAlice.withPort(5001), kVoice);
  CHECK(f.dropped(ListenerDrop::kSourceLimit) == 1);
  f.receive(kBob, kVoice);
  f.receive(kCarol, kVoice);
  CHECK(f.dropped(ListenerDrop::kSessionLimit) == 1);
  CHECK(f.total == 2);
  f.sweepAfter(61s);
  f.sweepAfter(0s);
  CHECK(f.total == 0);
  f.receive(kAlice.withPort(5001), kVoice);
  CHECK(f.total == 1);
}

TEST_CASE("a session to which nothing was sent makes room, unless its client continues to send") {
  Fixture f({.authenticates = false, .limits = {.sessions = 2}});
  f.receive(kAlice, kVoice);
  f.receive(kBob, kVoice);
  f.clock.advance(1s);
  f.receive(kAlice, kVoice);
  f.receive(kCarol, kVoice);
  CHECK(f.stats.sessions_evicted.value() == 1);
  CHECK(f.find(kAlice) != nullptr);
  CHECK(f.find(kBob) == nullptr);
  CHECK(f.find(kCarol) != nullptr);
  CHECK(f.total == 2);
}

TEST_CASE("forged datagrams to one listener evict no session of another listener's clients") {
  Fixture f({.limits = {.sessions = 100}});
  WorkerPort& open = f.addOpenListener();
  const auto alice = f.player("ours");
  f.receive(kAlice, check("ours:theirs"));
  for (uint16_t i = 0; i < 20'000; ++i) f.receive(open, kBob.withPort(i), kLocal.withPort(4000), {1});
  CHECK(f.total == 100);
  f.receive(kCarol, check());
  CHECK(f.find(kAlice) != nullptr);
  CHECK(f.find(kCarol) != nullptr);
  CHECK(f.stats.sessions_evicted.value() == 0);
  CHECK(f.open_stats.sessions_evicted.value() > 0);
  CHECK(f.dropped(ListenerDrop::kSessionLimit) == 0);
}

TEST_CASE("a listener has its share of sessions, and evicts its own above it") {
  Fixture f({.authenticates = false, .listener_sessions = 2});
  f.hook = kAnswered;
  f.receive(kAlice, kVoice);
  f.receive(kBob, kVoice);
  f.receive(kCarol, kVoice);
  CHECK(f.dropped(ListenerDrop::kListenerLimit) == 1);
  CHECK(f.total == 2);
  f.receive(f.addOpenListener(), kCarol, kLocal.withPort(4000), kVoice);
  CHECK(f.total == 3);
}

TEST_CASE(
    "a source that is full of evictable sessions evicts its own, so that forged ones do not lock it out") {
  Fixture f({.limits = {.per_source = 10}});
  f.hook = kTakeInSilence;
  for (uint16_t port = 1; port <= 1000; ++port) f.receive(kAlice.withPort(port), check());
  CHECK(f.dispatcher.sessions().fromSource(kAlice) == 10);
  f.player("ours");
  f.receive(kAlice, check("ours:theirs"));
  REQUIRE(f.find(kAlice) != nullptr);
  CHECK(f.find(kAlice)->player() != nullptr);
  CHECK(f.dropped(ListenerDrop::kSourceLimit) == 0);
}

TEST_CASE("a client whose authenticated state has ended may be evicted again, with a new timeout") {
  Fixture f;
  f.receive(kAlice, check());
  f.sweepAfter(30s);
  auto& session = const_cast<Session&>(*f.find(kAlice));
  session.unauthenticate();
  CHECK(f.dispatcher.sessions().evictable().unauthenticated() == 1);
  CHECK_FALSE(session.isAuthenticated());
  f.sweepAfter(10s);
  CHECK(f.find(kAlice) != nullptr);
  f.sweepAfter(1ms);
  f.sweepAfter(0s);
  CHECK(f.closed("not_authenticated") == 1);
}

TEST_CASE("evictable sessions stay counted as such when a reload changes whether their chain authenticates") {
  Fixture f({.authenticates = false});
  f.receive(kAlice, kVoice);
  f.authenticates = true;
  f.publish(2);
  f.hook = kTakeInSilence;
  f.receive(kBob, check());
  CHECK(f.dispatcher.sessions().evictable().unauthenticated() == 1);
  f.sweepAfter(61s);
  f.sweepAfter(0s);
  CHECK(f.dispatcher.sessions().size() == 0);
  CHECK(f.dispatcher.sessions().evictable().unauthenticated() == 0);
  CHECK(f.dispatcher.sessions().evictable().size() == 0);
}

TEST_CASE("draining refuses new clients and keeps existing ones") {
  Fixture f;
  f.receive(kAlice, check());
  f.dispatcher.setDraining(true);
  f.receive(kBob, check());
  CHECK(f.dropped(ListenerDrop::kDraining) == 1);
  f.receive(kAlice, kVoice);
  CHECK(f.find(kAlice)->activity().packets_in == 2);
}

TEST_CASE("the oldest client that has not authenticated makes room for a new one") {
  Fixture f({.limits = {.unauthenticated = 2}});
  f.receive(kAlice, check());  // authenticated
  f.hook = kTakeInSilence;
  f.receive(kBob, check());
  f.receive(kCarol, check());
  f.receive(*Address::parse("192.0.2.4:1"), check());
  CHECK(f.stats.sessions_evicted.value() == 1);
  CHECK(f.closed("evicted") == 1);
  CHECK(f.find(kAlice) != nullptr);
  CHECK(f.find(kBob) == nullptr);
  CHECK(f.find(kCarol) != nullptr);
  CHECK(f.dispatcher.sessions().size() == 3);
}

TEST_CASE("sessions of authenticated clients are never evicted") {
  Fixture f({.limits = {.sessions = 2}});
  f.receive(kAlice, check());
  f.receive(kBob, check());
  f.receive(kCarol, check());
  CHECK(f.dropped(ListenerDrop::kSessionLimit) == 1);
  CHECK(f.stats.sessions_evicted.value() == 0);
  CHECK(f.dispatcher.sessions().size() == 2);
}

TEST_CASE("a client that does not authenticate in time, or is silent for too long, is removed by the sweep") {
  Fixture f;
  f.receive(kAlice, check());
  f.hook = kTakeInSilence;
  f.receive(kBob, check());
  f.sweepAfter(10s);
  f.dispatcher.sweep();
  CHECK(f.dispatcher.sessions().size() == 2);
  f.sweepAfter(1ms);
  f.sweepAfter(0s);
  CHECK(f.closed("not_authenticated") == 1);
  CHECK(f.find(kBob) == nullptr);
  f.sweepAfter(50s);
  CHECK(f.closed("idle") == 1);
  CHECK(f.dispatcher.sessions().size() == 0);
  CHECK(f.total == 0);
  CHECK(f.stats.sessions.value() == 0);
}

TEST_CASE("packets and keepAlive() postpone the idle timeout") {
  Fixture f({.authenticates = false});
  f.receive(kAlice, kVoice);
  f.receive(kBob, kVoice);
  f.sweepAfter(40s);
  f.receive(kAlice, kVoice);
  const_cast<Session*>(f.find(kBob))->keepAlive();
  f.sweepAfter(40s);
  CHECK(f.dispatcher.sessions().size() == 2);
  f.sweepAfter(21s);
  f.sweepAfter(0s);
  CHECK(f.closed("idle") == 2);
}

TEST_CASE("unhandled packets, and packets for an address that is not the client's, are counted") {
  Fixture f({.authenticates = false});
  f.hook = [](chain::FilterContext& context, net::PacketPtr&& packet) { context.ingress(std::move(packet)); };
  f.receive(kAlice, kVoice);
  CHECK(f.dropped(ListenerDrop::kUnhandled) == 1);
  f.hook = [](chain::FilterContext& context, net::PacketPtr&& packet) {
    packet->remote = kBob;
    packet->routeAsReplyTo(*packet);
    context.egress(std::move(packet));
  };
  f.receive(kAlice, kVoice);
  CHECK(f.dropped(ListenerDrop::kNoTuple) == 1);
  f.hook = [](chain::FilterContext& context, net::PacketPtr&& packet) {
    packet->routeToSelected();
    context.egress(std::move(packet));
  };
  f.receive(kAlice, kVoice);
  REQUIRE(f.worker.network().sent.size() == 1);
  CHECK(f.worker.network().sent[0].to == kAlice);
}

TEST_CASE("a session that closes itself accepts no more packets and ends with the iteration") {
  Fixture f({.authenticates = false});
  f.hook = [](chain::FilterContext& context, net::PacketPtr&& packet) {
    context.session().close("enough");
    context.consume(std::move(packet));
  };
  f.receive(kAlice, kVoice);
  f.receive(kAlice, kVoice);
  CHECK(f.find(kAlice)->activity().packets_in == 1);
  f.turn();
  CHECK(f.find(kAlice) == nullptr);
  CHECK(f.closed("enough") == 1);
}

// RFC 8445 section 7.3: a response comes from the address that received the request.
TEST_CASE("a client that uses two addresses of a wildcard listener gets responses from each") {
  const Address first = *Address::parse("198.51.100.1:3478"), second = *Address::parse("198.51.100.2:3478");
  Fixture f;
  f.hook = [](chain::FilterContext& context, net::PacketPtr&& packet) {
    context.session().authenticate(*packet);
    packet->routeAsReplyTo(*packet);
    context.egress(std::move(packet));
  };
  f.publish(2);
  SUBCASE("a player, in one session") {
    f.player("alice");
    for (const Address& to : {first, second, first}) f.receive(*f.port, kAlice, to, check("alice:x"));
    CHECK(f.dispatcher.sessions().size() == 1);
    CHECK(f.dispatcher.sessions().all().front()->tuples().size() == 2);
  }
  SUBCASE("any other client, in a session for each") {
    for (const Address& to : {first, second, first}) f.receive(*f.port, kAlice, to, check());
    CHECK(f.dispatcher.sessions().size() == 2);
  }
  std::vector<Address> from;
  for (const auto& sent : f.worker.network().sent) from.push_back(sent.source);
  CHECK(from == std::vector<Address>{first, second, first});
}

TEST_CASE("a relay's address matches no chain with source_prefixes") {
  const Address relay = *Address::parse("192.0.2.7:50000");
  Fixture f;
  WorkerPort& hairpin = f.addHairpin();
  f.receive(hairpin, relay, kLocal, check());
  CHECK(f.dropped(ListenerDrop::kNoChain) == 1);
  f.receive(relay, check());
  CHECK(f.dispatcher.sessions().size() == 1);
}

TEST_CASE("relayed clients have one address and do not count as a single source") {
  Fixture f({.authenticates = false, .limits = {.sessions = 10, .per_source = 1}});
  f.for_some = false;
  f.publish(2);
  WorkerPort& hairpin = f.addHairpin();
  for (const uint16_t relay : {50'000, 50'001, 50'002})
    f.receive(hairpin, kLocal.withPort(relay), kLocal, kVoice);
  CHECK(f.dispatcher.sessions().size() == 3);
  CHECK(f.dispatcher.sessions().fromSource(kLocal) == 0);
  f.receive(kLocal.withPort(9), kVoice);
  CHECK(f.dispatcher.sessions().fromSource(kLocal) == 1);
}

// The client's address is one of this machine's: another port of it may belong to another client.
TEST_CASE("packets to a relayed client use no explicit route") {
  Fixture f({.authenticates = false});
  f.for_some = false;
  f.hook = [](chain::FilterContext& context, net::PacketPtr&& packet) {
    packet->routeExplicitly(packet->local, packet->remote.withPort(9));
    context.egress(std::move(packet));
  };
  f.publish(2);
  f.receive(kAlice, kVoice);
  CHECK(f.worker.network().sent.size() == 1);
  f.receive(f.addHairpin(), kLocal.withPort(50'000), kLocal, kVoice);
  CHECK(f.dropped(ListenerDrop::kNoTuple) == 1);
  CHECK(f.worker.network().sent.size() == 1);
}

TEST_CASE("a player's addresses share one session, which ends when the player leaves") {
  Fixture f;
  const auto alice = f.player("ours");
  f.receive(kAlice, check("ours:theirs"));
  f.receive(kBob, check("ours:theirs"));
  CHECK(f.dispatcher.sessions().size() == 1);
  CHECK(f.find(kAlice) == f.find(kBob));
  CHECK(f.find(kAlice)->player() == alice);
  CHECK(alice->observed.worker == 0);
  f.dispatcher.removePlayer(alice);
  f.turn();
  CHECK(f.dispatcher.sessions().size() == 0);
  CHECK(f.find(kBob) == nullptr);
  CHECK(f.gone == std::vector{alice});
}

TEST_CASE("above the limit of addresses of a session, the newest replaces an old one") {
  Fixture f;
  f.player("ours");
  for (uint16_t i = 0; i <= Tuples::kMax; ++i) f.receive(kAlice.withPort(5000 + i), check("ours:theirs"));
  CHECK(f.dispatcher.sessions().size() == 1);
  const Session* session = f.find(kAlice.withPort(5000 + Tuples::kMax));
  REQUIRE(session != nullptr);
  CHECK(session->tuples().size() == Tuples::kMax);
  CHECK(session->remote() == kAlice);  // the selected one stays
  CHECK(f.find(kAlice) == session);
  CHECK(f.find(kAlice.withPort(5001)) == nullptr);
}

TEST_CASE("a session without a player ends when a known player checks from its address") {
  Fixture f;
  f.hook = kTakeInSilence;
  f.receive(kAlice, check());  // as a client does that first queries its address
  const auto alice = f.player("ours");
  f.receive(kAlice, check("ours:theirs"));
  REQUIRE(f.find(kAlice) != nullptr);
  CHECK(f.find(kAlice)->player() == alice);
  CHECK(f.dispatcher.sessions().size() == 1);
}

struct TwoWorkers {
  TwoWorkers() { other.worker.peers = owner.worker.peers = {&owner.worker, &other.worker}; }
  Fixture owner{{.index = 0, .workers = 2}};
  Fixture other{{.index = 1, .workers = 2}};
};

constexpr const char* kPassword = "a password of 24 letters";

TEST_CASE("a check that authenticates another player gets the address of one that has vanished") {
  Fixture f;
  const auto alice = f.player("alice", kPassword), bob = f.player("bob", kPassword);
  f.receive(kAlice, test::iceCheck("alice:x", kPassword));
  for (const auto& forged : {check("bob:x"), test::iceCheck("bob:x", "a guess"), check(), kVoice}) {
    f.receive(kAlice, forged);
    CHECK(f.find(kAlice)->player() == alice);
    CHECK(f.dispatcher.sessions().size() == 1);
  }
  f.receive(kAlice, test::iceCheck("bob:x", kPassword));
  REQUIRE(f.find(kAlice)->player() == bob);
  f.receive(kAlice, kVoice);
  CHECK(f.find(kAlice)->activity().packets_in == 2);
  // If the source was forged, the owner regains the address with its next check.
  f.receive(kAlice, test::iceCheck("alice:x", kPassword));
  CHECK(f.find(kAlice)->player() == alice);
  CHECK(f.find(kAlice)->tuples().size() == 1);
  f.receive(kAlice, test::iceCheck("bob:x", kPassword));
  CHECK(f.dispatcher.sessions().size() == 2);
  CHECK(f.gone.empty());
  // The end of the session that had the address takes it from no other session.
  f.dispatcher.removePlayer(alice);
  f.turn();
  REQUIRE(f.find(kAlice) != nullptr);
  CHECK(f.find(kAlice)->player() == bob);
}

TEST_CASE("the address of a vanished player goes to the worker that owns the next player's session") {
  TwoWorkers workers;
  auto& [owner, other] = workers;
  const auto bob = owner.player("bob", kPassword);
  other.dispatcher.addPlayer(bob);
  other.player("alice", kPassword);
  owner.receive(kBob, test::iceCheck("bob:x", kPassword));
  other.receive(kAlice, test::iceCheck("alice:x", kPassword));
  other.receive(kAlice, test::iceCheck("bob:x", kPassword));
  other.receive(kAlice, kVoice);
  CHECK(owner.find(kAlice) == owner.find(kBob));
  CHECK(owner.find(kBob)->activity().packets_in == 3);
  CHECK(other.dispatcher.sessions().size() == 1);
}

TEST_CASE(
    "a player's check that its session does not authenticate, such as a replayed one, takes no address") {
  TwoWorkers workers;
  auto& [owner, other] = workers;
  bool replayed = false;
  for (Fixture* f : {&owner, &other}) {
    f->hook = [&](chain::FilterContext& context, net::PacketPtr&& packet) {
      if (packet->kind == PacketKind::kStun && !replayed) context.session().authenticate(*packet);
      context.consume(std::move(packet));
    };
  }
  const auto bob = owner.player("bob", kPassword);
  other.dispatcher.addPlayer(bob);
  owner.receive(kBob, test::iceCheck("bob:x", kPassword));
  for (Fixture* f : {&owner, &other}) {
    replayed = false;
    const Address from = f == &owner ? kAlice : kCarol;
    const auto alice = f->player(f == &owner ? "alice" : "carol", kPassword);
    f->receive(from, test::iceCheck(alice->id + ":x", kPassword));
    replayed = true;
    f->receive(from, test::iceCheck("bob:x", kPassword));
    REQUIRE(f->find(from) != nullptr);
    CHECK(f->find(from)->player() == alice);
    f->receive(from, kVoice);
    CHECK(f->find(from)->activity().packets_in == 2);
  }
}

TEST_CASE("after an ICE restart a player's session continues with new credentials, on any worker") {
  TwoWorkers workers;
  auto& [owner, other] = workers;
  const auto alice = owner.player("first", kPassword);
  other.dispatcher.addPlayer(alice);
  owner.receive(kAlice, check("first:x"));
  const Session* session = owner.find(kAlice);
  for (Fixture* f : {&owner, &other}) f->dispatcher.addCredentials(alice, {"second", "another password"});
  CHECK(session->iceCredentials("first")->password == kPassword);
  CHECK(session->iceCredentials("second")->password == "another password");
  owner.receive(kAlice, check("first:x"));  // does not use the new ones
  CHECK(session->iceCredentials("first") != nullptr);
  other.receive(kBob, check("second:x"));  // from another network, to another worker
  CHECK(owner.find(kBob) == session);
  CHECK(session->iceCredentials("first") == nullptr);
  CHECK(session->iceCredentials("second") != nullptr);
  CHECK(owner.dispatcher.sessions().size() == 1);
  CHECK(other.dispatcher.sessions().size() == 0);
  owner.dispatcher.removePlayer(alice);
  owner.turn();
  owner.receive(kCarol, check("second:x"));
  CHECK(owner.find(kCarol)->player() == nullptr);
}

TEST_CASE("a player's packets reach the worker that owns its session, and cross workers at most once") {
  TwoWorkers workers;
  auto& [owner, other] = workers;
  const auto alice = owner.player("ours");
  other.dispatcher.addPlayer(alice);
  owner.receive(kAlice, check("ours:theirs"));
  other.receive(kBob, check("ours:theirs"));
  CHECK(other.dispatcher.sessions().size() == 0);
  CHECK(owner.find(kBob) == owner.find(kAlice));
  other.receive(kBob, kVoice);
  CHECK(owner.find(kBob)->activity().packets_in == 3);

  // A packet that arrives before the session's end takes effect.
  const_cast<Session*>(owner.find(kBob))->close("test");
  other.receive(kBob, kVoice);
  CHECK(owner.dropped(ListenerDrop::kClosing) == 1);
  // The owner's session ends; packets that were redirected to it are dropped there.
  owner.turn();
  other.receive(kBob, kVoice);
  CHECK(owner.dropped(ListenerDrop::kNoSession) == 1);
  CHECK(other.dispatcher.sessions().size() == 0);
}

TEST_CASE("checks with a valid username and a wrong integrity add no redirect") {
  Fixture owner({.index = 0, .workers = 2});
  Fixture other({.index = 1, .workers = 2});
  other.worker.peers = owner.worker.peers = {&owner.worker, &other.worker};
  const auto alice = owner.player("ours");
  other.dispatcher.addPlayer(alice);
  owner.receive(kAlice, check("ours:theirs"));
  owner.hook = kTakeInSilence;
  for (uint16_t port = 0; port < 12'000; ++port) other.receive(kCarol.withPort(port), check("ours:theirs"));
  other.receive(kCarol, kVoice);
  CHECK(other.dropped(ListenerDrop::kNoSession) == 1);
  owner.hook = [](chain::FilterContext& context, net::PacketPtr&& packet) {
    if (packet->kind == PacketKind::kStun) context.session().authenticate(*packet);
    context.consume(std::move(packet));
  };
  other.receive(kBob, check("ours:theirs"));
  const uint64_t before = owner.find(kBob)->activity().packets_in;
  other.receive(kBob, kVoice);
  CHECK(owner.find(kBob)->activity().packets_in == before + 1);
}

TEST_CASE("a player's redirected addresses are bounded: the oldest makes room") {
  Redirects redirects;
  const auto room = std::make_shared<rooms::Room>("room", 2);
  const rooms::Player alice(room, "alice", {}), bob(room, "bob", {});
  const auto key = [](const Address& remote, uint16_t port) {
    return TupleKey{remote.withPort(port), kLocal, 7, SessionUsage::kMedia};
  };
  redirects.add(key(kBob, 1), {1, &bob});
  for (uint16_t port = 0; port <= Redirects::kMaxPerPlayer; ++port)
    redirects.add(key(kAlice, port), {1, &alice});
  CHECK_FALSE(redirects.find(key(kAlice, 0)));
  CHECK(redirects.find(key(kAlice, 1)));
  CHECK(redirects.find(key(kBob, 1)));
  redirects.add(key(kAlice, 1), {0, &bob});  // the address is another player's now
  CHECK(redirects.find(key(kAlice, 1))->player == &bob);
  redirects.remove(bob);
  CHECK_FALSE(redirects.find(key(kAlice, 1)));
  CHECK(redirects.all().size() == Redirects::kMaxPerPlayer - 1);
}

TEST_CASE("a socket of a player that is also a TURN client has two sessions") {
  Fixture f;
  const auto alice = f.player("alice");
  std::vector<uint8_t> allocate(20);
  stun::Writer(allocate, stun::kAllocate, stun::Class::kRequest, {2});
  std::map<uint64_t, std::string> seen;
  f.hook = [&](chain::FilterContext& context, net::PacketPtr&& packet) {
    seen[context.session().id()] += packet->kind == PacketKind::kTurn          ? 't'
                                    : packet->kind == PacketKind::kTurnChannel ? 'c'
                                    : packet->kind == PacketKind::kStun        ? 's'
                                                                               : 'm';
    context.session().authenticate(*packet);
    context.consume(std::move(packet));
  };
  f.receive(kAlice, {0x40, 0, 0, 0});  // ChannelData begins no session
  CHECK(f.dropped(ListenerDrop::kNoSession) == 1);
  f.receive(kAlice, allocate);
  f.receive(kAlice, check());  // a TURN client that requests its address
  f.receive(kAlice, check("alice:theirs"));
  f.receive(kAlice, {0x40, 0, 0, 0});
  f.receive(kAlice, kVoice);
  f.receive(kAlice, check());
  REQUIRE(seen.size() == 2);
  CHECK(seen.begin()->second == "tsc");
  CHECK(seen.rbegin()->second == "sms");
  CHECK(f.dispatcher.sessions().size() == 2);
}

TEST_CASE("keepAliveUntil() postpones the idle timeout until its time") {
  Fixture f;
  f.hook = [&](chain::FilterContext& context, net::PacketPtr&& packet) {
    context.session().authenticate(*packet);
    context.session().keepAliveUntil(f.clock.now() + 600s);
    context.consume(std::move(packet));
  };
  f.receive(kAlice, check());
  f.sweepAfter(599s);
  CHECK(f.dispatcher.sessions().size() == 1);
  f.sweepAfter(2s);
  CHECK(f.dispatcher.sessions().size() == 0);
}

TEST_CASE("a full mailbox is a drop with its reason") {
  Fixture f({.index = 1, .workers = 2});
  const auto alice = f.player("ours");
  alice->observed.worker = 0;
  f.receive(kAlice, check("ours:theirs"));
  CHECK(f.dropped(ListenerDrop::kMailboxFull) == 1);
}

TEST_CASE("sessions adopt a new generation with their next packet or the next sweep") {
  Fixture f;
  f.receive(kAlice, check());
  f.receive(kBob, check());
  f.publish(2);
  CHECK(f.find(kAlice)->generation() == 1);
  f.receive(kAlice, kVoice);
  CHECK(f.find(kAlice)->generation() == 2);
  CHECK(f.find(kBob)->generation() == 1);
  f.sweepAfter(0s);
  CHECK(f.find(kBob)->generation() == 2);
}

TEST_CASE("a session ends when its chain or its listener was removed") {
  Fixture f;
  f.receive(kAlice, check());
  SUBCASE("chain") {
    f.publish(2, true, "another");
    f.receive(kAlice, kVoice);
    f.turn();
    CHECK(f.closed("chain_removed") == 1);
  }
  SUBCASE("listener") {
    f.publish(2, false);
    f.receive(kAlice, kVoice);
    f.turn();
    CHECK(f.closed("listener_removed") == 1);
  }
  SUBCASE("port") {
    f.dispatcher.removePort(7, "listener_removed");
    CHECK(f.closed("listener_removed") == 1);
  }
  CHECK(f.dispatcher.sessions().size() == 0);
  CHECK(f.total == 0);
}

}  // namespace
}  // namespace sluice::runtime
