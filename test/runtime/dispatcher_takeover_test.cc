// A dispatcher's sessions are handed over to another process.
#include <algorithm>

#include "test/runtime/dispatcher_fixture.h"

namespace sluice::runtime {
namespace {

// Two processes with one worker each; packets are for the first one until takeOver().
struct Fixture {
  using Options = DispatcherFixture::Options;
  Fixture() : Fixture(Options{}) {}
  explicit Fixture(const Options& options) : before(options), after(options) {
    after.clock.advance(before.clock.now() - after.clock.now());
  }

  std::string save() {
    Descriptors none;
    before.dispatcher.flush();
    SavedWorker saved = before.dispatcher.save(none);
    lost_here = saved.lost;
    Archive out(none);
    out(saved);
    return out.takeBytes();
  }
  std::vector<LostSession> load(const std::string& bytes) {
    Descriptors none;
    Archive in(asBytes(bytes), none);
    SavedWorker saved;
    in(saved);
    CHECK(in.ok());
    CHECK(in.atEnd());
    return after.dispatcher.load(saved, none);
  }
  std::vector<LostSession> takeOver() {
    const std::string bytes = save();
    before.dispatcher.handOver();
    before.port = nullptr;
    return load(bytes);
  }
  rooms::PlayerPtr player(const std::string& ufrag) {
    after.player(ufrag);
    return before.player(ufrag);
  }

  DispatcherFixture before, after;
  std::vector<LostSession> lost_here;
};

TEST_CASE("a session continues with its number, addresses, age and counts, and receives its packets") {
  Fixture f;
  f.player("ours");
  f.before.receive(kAlice, check("ours:theirs"));
  f.before.receive(kBob, check("ours:theirs"));
  f.before.hook = [](chain::FilterContext& context, net::PacketPtr&& packet) {
    context.session().select(packet->remote, packet->local);
    context.session().keepAliveUntil(Instant(100s));
    context.consume(std::move(packet));
  };
  f.before.receive(kBob, kVoice);
  f.before.hook = [](chain::FilterContext& context, net::PacketPtr&& packet) {
    context.ingress(std::move(packet));
  };
  f.before.receive(kBob, kVoice);
  const Session& here = *f.before.find(kBob);
  CHECK(here.drops() == std::vector<chain::NamedDrops>{{"", "unhandled", 1}});
  CHECK(f.before.find(kAlice) == &here);
  const uint64_t id = here.id();
  const Instant created = here.activity().created;
  const uint32_t bucket = here.bucket();
  CHECK(f.takeOver().empty());
  CHECK(f.before.dispatcher.sessions().size() == 0);
  CHECK(f.before.gone.empty());  // the player did not leave
  const Session* there = f.after.find(kAlice);
  REQUIRE(there != nullptr);
  CHECK(there == f.after.find(kBob));
  CHECK(there->id() == id);
  CHECK(there->activity().created == created);
  CHECK(there->bucket() == bucket);
  CHECK(there->activity().packets_in == 4);
  CHECK(there->drops() == std::vector<chain::NamedDrops>{{"", "unhandled", 1}});
  CHECK(there->remote() == kBob);
  CHECK(there->isAuthenticated());
  CHECK_FALSE(there->activity().isIdle(Instant(99s), 1s));
  CHECK(there->player()->id == "ours");
  CHECK(f.after.total == 1);
  CHECK(f.after.stats.sessions.value() == 1);
  f.after.receive(kAlice, kVoice);
  CHECK(there->activity().packets_in == 5);
}

TEST_CASE(
    "a session continues after its player has restarted ICE, also when its first credentials are invalid") {
  Fixture f;
  const auto before = f.before.player("first"), after = f.after.player("first");
  f.before.receive(kAlice, check("first:x"));
  for (const char* ufrag : {"second", "third"}) {
    f.before.dispatcher.addCredentials(before, {ufrag, "password"});
    f.after.dispatcher.addCredentials(after, {ufrag, "password"});
  }
  f.before.receive(kAlice, check("third:x"));
  CHECK(f.takeOver().empty());
  REQUIRE(f.after.find(kAlice) != nullptr);
  CHECK(f.after.find(kAlice)->player() == after);
  CHECK(f.after.find(kAlice)->iceCredentials("third") != nullptr);
  f.after.receive(kBob, check("third:x"));
  CHECK(f.after.find(kBob) == f.after.find(kAlice));
}

TEST_CASE("session numbers continue after those that were handed over") {
  Fixture f;
  f.before.receive(kAlice, check());
  const uint64_t id = f.before.find(kAlice)->id();
  CHECK(f.takeOver().empty());
  f.after.receive(kBob, check());
  CHECK(f.after.find(kBob)->id() > id);
  Fixture later;
  Descriptors none;
  later.before.receive(kAlice, check());
  SavedWorker saved = later.before.dispatcher.save(none);
  saved.sessions[0].id = 1'000'000'000;  // of a process that has run for long
  CHECK(later.after.dispatcher.load(saved, none).empty());
  later.after.receive(kBob, check());
  CHECK(later.after.find(kBob)->id() == 1'000'000'001);
}

TEST_CASE("a client that has not authenticated has no more time for it than before") {
  Fixture f;
  f.before.hook = f.after.hook = [](chain::FilterContext& context, net::PacketPtr&& packet) {
    context.consume(std::move(packet));
  };
  f.before.receive(kAlice, check());
  f.before.clock.advance(9s);
  f.after.clock.advance(9s);
  CHECK(f.takeOver().empty());
  CHECK(f.after.dispatcher.sessions().evictable().unauthenticated() == 1);
  f.after.sweepAfter(2s);
  CHECK(f.after.closed("not_authenticated") == 1);
}

TEST_CASE("sessions that were handed over count in the limits") {
  Fixture f({.authenticates = false, .limits = {.sessions = 2, .per_source = 1}});
  f.before.hook = f.after.hook = kAnswered;
  f.before.receive(kAlice, kVoice);
  CHECK(f.takeOver().empty());
  f.after.receive(kAlice.withPort(5001), kVoice);
  CHECK(f.after.dropped(ListenerDrop::kSourceLimit) == 1);
  f.after.receive(kBob, kVoice);
  f.after.receive(kCarol, kVoice);
  CHECK(f.after.dropped(ListenerDrop::kSessionLimit) == 1);
}

TEST_CASE("a session that is closing ends in the old process") {
  Fixture f;
  f.before.receive(kAlice, check());
  const_cast<Session*>(f.before.find(kAlice))->close("enough");
  CHECK(f.takeOver().empty());
  CHECK(f.after.find(kAlice) == nullptr);
}

TEST_CASE("clients whose session is on another worker are redirected to it") {
  DispatcherFixture owner({.index = 0, .workers = 2});
  Fixture other({.index = 1, .workers = 2});
  for (DispatcherFixture* f : {&other.before, &other.after, &owner})
    f->worker.peers = {&owner.worker, &f->worker};
  owner.worker.peers = {&owner.worker, &other.before.worker};
  const auto alice = owner.player("ours");
  const auto gone = owner.player("gone");
  other.before.dispatcher.addPlayer(alice);
  other.before.dispatcher.addPlayer(gone);
  owner.receive(kAlice, check("ours:theirs"));
  owner.receive(kAlice.withPort(1), check("gone:theirs"));
  other.before.receive(kBob, check("ours:theirs"));
  other.before.receive(kCarol, check("gone:theirs"));
  CHECK(owner.find(kAlice)->activity().packets_in == 2);
  other.after.dispatcher.addPlayer(alice);  // the other one left meanwhile
  CHECK(other.takeOver().empty());
  other.after.receive(kBob, kVoice);
  CHECK(owner.find(kAlice)->activity().packets_in == 3);
  other.after.receive(kCarol, kVoice);
  CHECK(other.after.dropped(ListenerDrop::kNoSession) == 1);
}

TEST_CASE("a session that cannot continue is reported with the reason, and the others continue") {
  Fixture f;
  f.before.player("ours");
  f.before.receive(kAlice, check("ours:theirs"));
  f.before.receive(kBob, check());
  std::string where = "listener listener, chain chain", why;
  size_t go_on = 1;
  bool lost_here = false;
  SUBCASE("its player has left") {
    why = "its player has left";
  }
  SUBCASE("its chain was removed") {
    f.after.publish(2, true, "another chain");
    f.after.port->listener = f.after.generation->listeners[0];
    why = "its chain no longer exists";
    f.after.player("ours");
    go_on = 0;
  }
  SUBCASE("its port was removed") {
    f.after.dispatcher.removePort(7, "listener_removed");
    why = "its address no longer exists";
    f.after.player("ours");
    go_on = 0;
  }
  SUBCASE("its filter cannot continue") {
    bool first = true;
    f.before.archive = [first](Archive&) mutable { return !std::exchange(first, false); };
    where += ", filter hook";
    why = "cannot continue in another process";
    lost_here = true;
  }
  SUBCASE("its filter cannot read the state") {
    bool first = true;
    f.after.archive = [first](Archive&) mutable { return !std::exchange(first, false); };
    f.after.player("ours");
    where += ", filter hook";
    why = "its state cannot be read";
  }
  auto lost = f.takeOver();
  if (lost_here) {
    CHECK(lost.empty());
    lost = f.lost_here;
  }
  REQUIRE(lost.size() == 2 - go_on);
  for (const LostSession& one : lost) {
    CHECK(one.where == where);
    CHECK(one.why == why);
  }
  f.after.turn();
  CHECK(f.after.dispatcher.sessions().size() == go_on);
  CHECK((f.after.find(kBob) != nullptr) == (go_on == 1));
}

TEST_CASE("a session cannot continue after one of its addresses was removed") {
  Fixture f;
  f.player("ours");
  WorkerPort& hairpin = f.before.addHairpin();
  f.before.receive(kAlice, check("ours:theirs"));
  f.before.receive(hairpin, kBob, kLocal, check("ours:theirs"));
  const auto lost = f.takeOver();
  REQUIRE(lost.size() == 1);
  CHECK(lost[0].why == "one of its addresses no longer exists");
}

TEST_CASE("a session that could not be read ends like any other for its player's room") {
  Fixture f;
  f.player("ours");
  f.before.receive(kAlice, check("ours:theirs"));
  f.after.archive = [](Archive&) { return false; };
  CHECK(f.takeOver().size() == 1);
  f.after.turn();
  CHECK(f.after.closed("not_taken_over") == 1);
  REQUIRE(f.after.gone.size() == 1);
  CHECK(f.after.gone[0]->id == "ours");
}

TEST_CASE("after a failed takeover everything continues in the old process") {
  Fixture f;
  f.before.receive(kAlice, check());
  f.save();
  f.before.receive(kAlice, kVoice);
  CHECK(f.before.find(kAlice)->activity().packets_in == 2);
  CHECK_FALSE(f.before.find(kAlice)->isHandedOver());
}

TEST_CASE("a worker's saved state is read completely or not at all") {
  Fixture f;
  f.player("ours");
  f.before.receive(kAlice, check("ours:theirs"));
  const std::string bytes = f.save();
  for (size_t size = 0; size < bytes.size(); ++size) {
    Descriptors none;
    Archive in(asBytes(bytes).first(size), none);
    SavedWorker saved;
    in(saved);
    CHECK_FALSE(in.ok());
  }
}

}  // namespace
}  // namespace sluice::runtime
