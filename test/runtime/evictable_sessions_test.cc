#include "source/runtime/evictable_sessions.h"

#include "test/runtime/session_table_fixture.h"

namespace sluice::runtime {
namespace {

struct Fixture : SessionTableFixture {
  EvictableSessions& evictable() { return table.evictable(); }
};

TEST_CASE("EvictableSessions: there is none to evict if no session is listed") {
  Fixture f;
  CHECK(f.evictable().next() == nullptr);
  CHECK(f.evictable().nextUnauthenticated() == nullptr);
  CHECK(f.evictable().nextOfListener("listener") == nullptr);
  CHECK(f.evictable().nextOfSource(kAlice.site()) == nullptr);
  f.table.remove(f.open(kAlice));
  CHECK(f.evictable().next() == nullptr);
  CHECK(f.evictable().nextOfListener("listener") == nullptr);
  CHECK(f.evictable().nextOfSource(kAlice.site()) == nullptr);
}

TEST_CASE("EvictableSessions: the oldest session of the listener with the most sessions is the next") {
  Fixture f;
  WorkerPort& open = f.addOpenListener();
  Session& first = f.open(kAlice);
  Session& second = f.open(kBob);
  Session& other = f.open(open, kCarol);
  CHECK(f.evictable().size() == 3);
  CHECK(f.evictable().unauthenticated() == 2);
  CHECK(f.evictable().next() == &first);
  f.open(open, kAlice);
  f.open(open, kBob);
  CHECK(f.evictable().next() == &other);
  CHECK(f.evictable().nextOfListener("listener") == &first);
  CHECK(f.evictable().nextOfListener("open") == &other);
  CHECK(f.evictable().nextOfListener("another") == nullptr);
  f.table.remove(first);
  CHECK(f.evictable().nextOfListener("listener") == &second);
}

TEST_CASE("EvictableSessions: nextUnauthenticated() selects sessions of chains that authenticate") {
  Fixture f;
  WorkerPort& open = f.addOpenListener();
  f.open(open, kAlice);
  f.open(open, kBob);
  CHECK(f.evictable().unauthenticated() == 0);
  CHECK(f.evictable().nextUnauthenticated() == nullptr);
  Session& waiting = f.open(kCarol);
  CHECK(f.evictable().nextUnauthenticated() == &waiting);
}

TEST_CASE("EvictableSessions: a source has its oldest session as the next") {
  Fixture f;
  const auto v6 = [](const char* text) { return *Address::parse(text); };
  Session& first = f.open(v6("[2001:db8::1]:5000"));
  Session& second = f.open(v6("[2001:db8::2]:5000"));
  f.open(v6("[2001:db8:0:1::1]:5000"));
  CHECK(f.evictable().nextOfSource(v6("[2001:db8::9]:1").site()) == &first);
  f.table.remove(first);
  CHECK(f.evictable().nextOfSource(v6("[2001:db8::9]:1").site()) == &second);
}

TEST_CASE("EvictableSessions: an established session is not listed, and is removed without effect") {
  Fixture f;
  Session& session = f.open(kAlice);
  session.authenticate(*f.packet(kAlice));
  CHECK(f.evictable().size() == 0);
  CHECK(f.evictable().unauthenticated() == 0);
  f.evictable().remove(session);
  CHECK(f.evictable().size() == 0);
  Session& open = f.open(f.addOpenListener(), kBob);
  open.keepAlive();
  CHECK(f.evictable().next() == nullptr);
}

TEST_CASE("EvictableSessions: a session that is listed again is the newest") {
  Fixture f;
  Session& first = f.open(kAlice);
  Session& second = f.open(kBob);
  first.authenticate(*f.packet(kAlice));
  first.unauthenticate();
  CHECK(f.evictable().unauthenticated() == 2);
  CHECK(f.evictable().next() == &second);
}

TEST_CASE("EvictableSessions: without authentication, silent sessions are evicted before active ones") {
  Fixture f;
  WorkerPort& open = f.addOpenListener();
  Session& first = f.open(open, kAlice);
  Session& second = f.open(open, kBob);
  Session& silent = f.open(open, kCarol);
  f.clock.advance(1s);
  f.send(first);
  f.send(second);
  CHECK(f.evictable().next() == &silent);
  f.table.remove(silent);
  CHECK(f.evictable().next() == &first);  // it has not sent since
  f.clock.advance(1s);
  f.send(first);
  CHECK(f.evictable().next() == &second);
}

TEST_CASE("EvictableSessions: packets of a client that has not authenticated do not spare its session") {
  Fixture f;
  Session& first = f.open(kAlice);
  f.open(kBob);
  f.clock.advance(1s);
  f.send(first);
  CHECK(f.evictable().next() == &first);
}

TEST_CASE("EvictableSessions: a search spares at most 16 active sessions") {
  Fixture f;
  WorkerPort& open = f.addOpenListener();
  std::vector<Session*> active;
  for (uint16_t i = 0; i < 20; ++i) active.push_back(&f.open(open, kAlice.withPort(i)));
  f.open(open, kBob);
  f.clock.advance(1s);
  for (Session* session : active) f.send(*session);
  CHECK(f.evictable().next() == active[16]);
}

TEST_CASE("EvictableSessions: a listed session of a chain that authenticates after a reload is listed once") {
  Fixture f;
  WorkerPort& open = f.addOpenListener();
  Session& session = f.open(open, kAlice);
  auto chain = std::make_shared<chain::ChainSpec>(*open.listener->chains[0]);
  chain->authenticates = true;
  auto listener = std::make_shared<ListenerSpec>(*open.listener);
  listener->chains = {chain};
  Generation next;
  next.version = 2;
  next.listeners = {listener};
  session.adopt(next);
  session.unauthenticate();
  CHECK(f.evictable().size() == 1);
  CHECK(f.evictable().unauthenticated() == 1);
  f.table.remove(session);
  CHECK(f.evictable().size() == 0);
  CHECK(f.evictable().next() == nullptr);
}

}  // namespace
}  // namespace sluice::runtime
