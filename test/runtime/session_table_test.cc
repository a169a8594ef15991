#include "source/runtime/session_table.h"

#include "test/runtime/session_table_fixture.h"

namespace sluice::runtime {
namespace {

constexpr uint16_t kPort = 7;  // of the fixture's port

TupleKey key(const Address& remote, const Address& local = kLocal, uint16_t port = kPort,
             SessionUsage usage = SessionUsage::kMedia) {
  return {remote, local, port, usage};
}

struct Fixture : SessionTableFixture {
  Session* owner(const TupleKey& of) const { return table.find(of).session; }
  SessionTuple addTuple(Session& session, const Address& remote) {
    return table.addTuple(session, *packet(remote), *port);
  }
  // A player whose credentials no worker has.
  rooms::PlayerPtr unknownPlayer(const std::string& id) const {
    return std::make_shared<rooms::Player>(room, id, rooms::Negotiated{});
  }
};

TEST_CASE("SessionTable: a session is found by its address pair, port and usage only") {
  Fixture f;
  Session& session = f.open(kAlice);
  CHECK(f.table.size() == 1);
  CHECK(f.owner(key(kAlice)) == &session);
  CHECK(f.table.find(key(kAlice)).tuple == 0);
  CHECK(f.owner(key(kAlice.withPort(1))) == nullptr);
  CHECK(f.owner(key(kBob)) == nullptr);
  CHECK(f.owner(key(kAlice, kLocal.withPort(1))) == nullptr);
  CHECK(f.owner(key(kAlice, kLocal, 8)) == nullptr);
  CHECK(f.owner(key(kAlice, kLocal, kPort, SessionUsage::kTurn)) == nullptr);
  f.table.remove(session);
  CHECK(f.owner(key(kAlice)) == nullptr);
  CHECK(f.table.size() == 0);
}

TEST_CASE("SessionTable: a session is found by its player until it is removed") {
  Fixture f;
  const auto alice = f.unknownPlayer("alice");
  const auto bob = f.unknownPlayer("bob");
  Session& session = f.open(kAlice, alice);
  f.open(kBob);
  CHECK(f.table.find(*alice) == &session);
  CHECK(f.table.find(*bob) == nullptr);
  f.table.remove(session);
  CHECK(f.table.find(*alice) == nullptr);
}

TEST_CASE("SessionTable: the sessions of a source are those of an IPv4 address or an IPv6 /64") {
  Fixture f;
  const auto v6 = [](const char* text) { return *Address::parse(text); };
  Session& first = f.open(kAlice);
  f.open(kAlice.withPort(1));
  f.open(v6("[2001:db8::1]:1"));
  f.open(v6("[2001:db8::2]:1"));
  f.open(v6("[2001:db8:0:1::1]:1"));
  CHECK(f.table.fromSource(kAlice.withPort(9)) == 2);
  CHECK(f.table.fromSource(kBob) == 0);
  CHECK(f.table.fromSource(v6("[2001:db8::3]:1")) == 2);
  f.table.remove(first);
  CHECK(f.table.fromSource(kAlice) == 1);
}

TEST_CASE("SessionTable: a session counts for the source that it began with after its client has moved") {
  Fixture f;
  Session& session = f.open(kAlice);
  f.addTuple(session, kBob);
  session.authenticate(*f.packet(kBob));
  session.select(kBob, kLocal);
  CHECK(session.remote() == kBob);
  CHECK(f.table.fromSource(kAlice) == 1);
  CHECK(f.table.fromSource(kBob) == 0);
  f.table.remove(session);
  CHECK(f.table.fromSource(kAlice) == 0);
}

TEST_CASE("SessionTable: sessions behind relays of this process count for no source") {
  Fixture f;
  WorkerPort& hairpin = f.addHairpin();
  Session& session = f.open(hairpin, kAlice);
  CHECK(f.table.fromSource(kAlice) == 0);
  CHECK(f.owner(key(kAlice, kLocal, hairpin.id)) == &session);
  f.table.remove(session);
  f.open(kAlice);
  CHECK(f.table.fromSource(kAlice) == 1);
}

TEST_CASE("SessionTable: each further address pair leads to the session with its index") {
  Fixture f;
  Session& session = f.open(kAlice);
  CHECK(f.addTuple(session, kBob).tuple == 1);
  CHECK(f.addTuple(session, kCarol).session == &session);
  CHECK(f.table.find(key(kBob)).tuple == 1);
  CHECK(f.table.find(key(kCarol)).tuple == 2);
  f.table.remove(session);
  CHECK(f.owner(key(kBob)) == nullptr);
  CHECK(f.owner(key(kCarol)) == nullptr);
}

TEST_CASE("SessionTable: an address pair belongs to the session that was assigned it last") {
  Fixture f;
  Session& before = f.open(kAlice);
  Session& after = f.open(kBob);
  f.addTuple(after, kAlice);
  CHECK(f.owner(key(kAlice)) == &after);
  f.table.remove(before);
  CHECK(f.owner(key(kAlice)) == &after);
}

TEST_CASE("SessionTable: an address pair that another one replaces is forgotten, unless it was reassigned") {
  Fixture f;
  Session& session = f.open(kAlice);
  const auto further = [](unsigned i) { return kBob.withPort(static_cast<uint16_t>(6000 + i)); };
  for (unsigned i = 1; i < Tuples::kMax; ++i) {
    f.clock.advance(1s);
    f.addTuple(session, further(i));
  }
  f.clock.advance(1s);
  f.addTuple(session, kCarol);
  CHECK(f.owner(key(kCarol)) == &session);
  CHECK(f.owner(key(further(1))) == nullptr);
  Session& other = f.open(kAlice.withPort(1));
  f.addTuple(other, further(2));
  f.addTuple(session, kCarol.withPort(1));
  CHECK(f.owner(key(further(2))) == &other);
  CHECK(f.owner(key(further(3))) == &session);
}

TEST_CASE("SessionTable: a forgotten address pair leads to no session until it is given back") {
  Fixture f;
  Session& session = f.open(kAlice);
  const SessionTuple owner = f.table.find(key(kAlice));
  f.table.forget(key(kAlice));
  CHECK(f.owner(key(kAlice)) == nullptr);
  f.table.giveBack(key(kAlice), owner);
  CHECK(f.owner(key(kAlice)) == &session);
}

TEST_CASE("SessionTable: sessions are removed in any order") {
  Fixture f;
  Session& first = f.open(kAlice);
  Session& second = f.open(kBob);
  Session& third = f.open(kCarol);
  f.table.remove(first);
  f.table.remove(third);
  REQUIRE(f.table.size() == 1);
  CHECK(f.table.all()[0].get() == &second);
  CHECK(f.owner(key(kBob)) == &second);
  f.table.remove(second);
  CHECK(f.table.size() == 0);
}

TEST_CASE("SessionTable: a session of another process is found by each of its address pairs") {
  Fixture f;
  const Tuple first{kAlice, kLocal, f.port, true, f.clock.now()};
  const Tuple selected{kBob, kLocal, f.port, true, f.clock.now()};
  SavedSession saved{};
  saved.authenticated = true;
  Session& session = f.table.add(std::make_unique<Session>(f, saved, Tuples({first, selected}, 1), *f.port,
                                                           f.port->listener->chains[0], nullptr));
  CHECK(f.owner(key(kAlice)) == &session);
  CHECK(f.table.find(key(kBob)).tuple == 1);
  CHECK(f.table.fromSource(kAlice) == 1);
  CHECK(f.table.evictable().size() == 0);
  saved.authenticated = false;
  saved.activity.unauthenticated_since = f.clock.now();
  const Tuple waiting{kCarol, kLocal, f.port, false, f.clock.now()};
  f.table.add(std::make_unique<Session>(f, saved, Tuples({waiting}, 0), *f.port, f.port->listener->chains[0],
                                        nullptr));
  CHECK(f.table.evictable().unauthenticated() == 1);
}

}  // namespace
}  // namespace sluice::runtime
