// Sessions that began on a chain that does not authenticate, and that a reload moved to one that does.
#include "test/runtime/clients.h"
#include "test/runtime/dispatcher_fixture.h"

namespace sluice::runtime {
namespace {

constexpr const char* kPassword = "a password of 24 letters";

struct Fixture : DispatcherFixture {
  Fixture() : DispatcherFixture({.authenticates = false, .limits = {.per_source = 1, .unauthenticated = 1}}) {
    const Hook authenticating = std::exchange(hook, kTakeInSilence);
    receive(kAlice, kVoice);
    authenticates = true;
    publish(2);
    sweepAfter(0s);
    hook = authenticating;
  }
  const SessionTable& sessions() const { return dispatcher.sessions(); }
};

TEST_CASE("a session is not evictable after its client has authenticated on the new chain") {
  Fixture f;
  REQUIRE(f.sessions().evictable().size() == 1);
  f.receive(kAlice, check());
  CHECK(f.sessions().evictable().size() == 0);
  f.receive(kAlice.withPort(1), check());
  CHECK(f.dropped(ListenerDrop::kSourceLimit) == 1);
  CHECK(f.sessions().all()[0]->remote() == kAlice);
}

TEST_CASE("an evicted session does not get its address back when the check of its successor fails") {
  Fixture f;
  f.hook = kTakeInSilence;
  f.receive(kBob, check());
  f.player("ours", kPassword);
  f.receive(kAlice, test::iceCheck("ours:theirs", kPassword));
  CHECK(f.stats.sessions_evicted.value() == 2);
  REQUIRE(f.sessions().size() == 1);
  const Session& successor = *f.sessions().all()[0];
  CHECK(successor.player() != nullptr);
  CHECK(f.find(kAlice) == &successor);
}

}  // namespace
}  // namespace sluice::runtime
