// stun_turn in another process: allocations keep their relayed addresses, whatever else changes.
#include <unistd.h>

#include <cstring>

#include "filters/stun_turn/stun_turn.h"
#include "source/crypto/hmac.h"
#include "test/filters/stun_turn/turn_client.h"
#include "test/filters/takeover/takeover.h"

namespace sluice::test {
namespace {

// The process that takes over: another network and clock, and credentials of the same kind.
struct Next {
  explicit Next(TurnServer& before, const std::string& turn = "") : server(turn) {
    server.clock.advance(before.clock.now() - server.clock.now());
  }
  // Process-wide state that is known here is read, as the server does when its configuration is built.
  void inherit(TurnServer& before) {
    chain::ProcessState& there = before.process;
    Descriptors none;
    Archive out(none);
    there.archive(out);
    const std::string bytes = out.takeBytes();
    Archive in(asBytes(bytes), none);
    server.process.archive(in);
    CHECK(in.ok());
    CHECK(in.atEnd());
  }

  TurnServer server;
};

// One client, as both processes see it.
struct Moved {
  explicit Moved(const std::string& turn = "", const std::string& turn_there = "", User user = kAlice)
      : before(turn),
        alice(before, "192.0.2.1:5000", user),
        next(before, turn_there),
        there(next.server, "192.0.2.1:5000", user) {}

  void takeOver() {
    there.chain.chain();
    next.inherit(before);
    CHECK(there.chain.takeOver(alice.chain) == "");
    there.useChallenge(challenge);
  }
  void allocate() {
    challenge = alice.bareRequest(stun::kAllocate, {transport()});
    alice.useChallenge(challenge);
    alice.allocate();
  }

  TurnServer before;
  TurnClient alice;
  Next next;
  TurnClient there;
  Response challenge;
};

TEST_CASE(
    "an allocation continues at the same relayed address, in both directions, with permissions and "
    "channels") {
  for (const std::string turn : {"", "relays: SHARED "}) {
    CAPTURE(turn);
    Moved m(turn, turn);
    m.allocate();
    CHECK(m.alice.permit({kPeer}).code() == kSuccess);
    CHECK(m.alice.bind(0x4001, "203.0.113.6:7000").code() == kSuccess);
    m.takeOver();
    m.there.relayed = m.alice.relayed;
    CHECK(flows(m.next.server, m.there) == "both");
    CHECK(flows(m.next.server, m.there, 0x4001, "203.0.113.6:7000") == "both");
    CHECK(flows(m.next.server, m.there, "203.0.113.7:7000") == "none");
    CHECK(m.next.server.network().sent.back().from == m.alice.relay());
  }
}

TEST_CASE("the nonce of the old process is valid, and no other is needed") {
  Moved m;
  m.allocate();
  m.takeOver();
  const Response response = m.there.request(stun::kRefresh, {}, m.there.auth());
  CHECK(response.code() == kSuccess);
}

TEST_CASE("a retransmitted request gets the same response as from the old process") {
  Moved m;
  m.allocate();
  const auto request = m.alice.formed(stun::kCreatePermission, {peer(kPeer)});
  const Auth auth = m.alice.auth();
  const Response first = m.alice.send(request, &auth);
  CHECK(first.code() == kSuccess);
  m.takeOver();
  CHECK(m.there.send(request, &auth).bytes == first.bytes);
}

TEST_CASE("the lifetimes of the allocation, a permission and a channel are unchanged") {
  Moved m;
  m.allocate();
  CHECK(m.alice.permit({kPeer}).code() == kSuccess);
  m.takeOver();
  m.there.relayed = m.alice.relayed;
  m.next.server.advance(299s);
  CHECK(flows(m.next.server, m.there) == "both");
  m.next.server.advance(2s);
  CHECK(flows(m.next.server, m.there) == "none");
  CHECK(m.next.server.network().open_ports() == 1);
  m.next.server.advance(300s);
  CHECK(m.next.server.network().open_ports() == 0);
}

TEST_CASE("the allocation counts in its user's quota, but is never refused because of it") {
  const std::string one = "max_allocations_per_user: 1 ";
  Moved m("", one);
  m.allocate();
  m.takeOver();
  TurnClient second(m.next.server, "192.0.2.1:5001");
  CHECK(second.tryAllocate().code() == 486);
  CHECK(m.there.refresh({lifetime(0)}).code() == kSuccess);
  CHECK(second.tryAllocate().code() == kSuccess);
}

TEST_CASE(
    "without TURN in the new configuration the allocation ends, its socket is closed and the session "
    "continues") {
  Moved m;
  m.allocate();
  const net::Address relay = m.alice.relay();
  ChainHarness without(m.next.server.worker, {{stun_turn::filterType(), ""}});
  CHECK(without.takeOver(m.alice.chain) == "");
  CHECK(m.next.server.network().open_ports() == 0);
  CHECK_FALSE(m.next.server.network().deliver(*net::Address::parse(kPeer), relay, asBytes("hello")));
  without.ingress(form(stun::kBinding, stun::Class::kRequest, newTransaction(), {}));
  CHECK(without.outer.size() == 1);
}

TEST_CASE("an allocation whose socket was not handed over ends and is reported") {
  Moved m;
  m.allocate();
  SavedChain saved = m.alice.chain.save();
  for (const int fd : saved.descriptors) close(fd);
  saved.descriptors.clear();
  CHECK(m.there.chain.load(saved) == "stun_turn");
}

TEST_CASE("a client that only requested its address, or a nonce, continues") {
  Moved m;
  m.challenge = m.alice.bareRequest(stun::kAllocate, {transport()});
  m.takeOver();
  CHECK(m.there.tryAllocate().code() == kSuccess);
}

TEST_CASE("truncated state is refused, of the filter and of the TURN part within it") {
  Moved m;
  m.allocate();
  CHECK(m.alice.bind(0x4001, kPeer).code() == kSuccess);
  const auto make = [&] {
    auto chain = std::make_unique<ChainHarness>(
        m.next.server.worker, std::vector<FilterConfig>{{stun_turn::filterType(), m.next.server.config}});
    chain->process = &m.next.server.process;
    return chain;
  };
  const SavedChain saved = m.alice.chain.save();
  checkCuts(saved, make);
  // The TURN part is a string at the beginning.
  const std::string& state = saved.filters[0].state;
  constexpr size_t kHead = sizeof(uint32_t);
  uint32_t whole = 0;
  std::memcpy(&whole, state.data(), kHead);
  for (size_t size = 0; size < whole; ++size) {
    SavedChain cut{"", saved.filters, {}};
    for (const int fd : saved.descriptors) cut.descriptors.push_back(dup(fd));
    const auto length = static_cast<uint32_t>(size);
    cut.filters[0].state = state.substr(0, kHead + size) + state.substr(kHead + whole);
    std::memcpy(cut.filters[0].state.data(), &length, sizeof length);
    CHECK(make()->load(cut) == (size == 0 ? "" : "stun_turn"));
    CHECK(m.next.server.network().open_ports() == 0);
  }
  for (const int fd : saved.descriptors) close(fd);
}

// RFC 7675: a peer whose consent has expired is sent nothing.
TEST_CASE("consent continues, and expires at the same time as without a takeover") {
  ManualClock clock;
  FakeWorker worker(clock), next_worker(clock);
  const std::vector<FilterConfig> filters{{stun_turn::filterType(), "consent_timeout_s: 30"}};
  ChainHarness before(worker, filters), after(next_worker, filters);
  rooms::Negotiated negotiated;
  negotiated.local = {"ours", "a password of 24 letters"};
  negotiated.remote = {"theirs", "another password"};
  before.session.known_player =
      std::make_shared<rooms::Player>(std::make_shared<rooms::Room>("room", 1), "player", negotiated);
  std::vector<uint8_t> check(300);
  stun::Writer writer(check, stun::kBinding, stun::Class::kRequest, newTransaction());
  writer.add(stun::kUsername, "ours:theirs");
  writer.addU64(stun::kIceControlling, 1);
  writer.addU32(stun::kPriority, 1);
  writer.addIntegrity(asBytes("a password of 24 letters"), crypto::hmacSha1);
  writer.addFingerprint();
  check.resize(*writer.finish());
  before.ingress(check);
  REQUIRE(before.session.isAuthenticated());
  clock.advance(20s);
  CHECK(after.takeOver(before) == "");
  clock.advance(9s);
  next_worker.timers().run();
  CHECK(after.session.closed == "");
  clock.advance(2s);
  next_worker.timers().run();
  CHECK(after.session.closed == "consent_expired");
}

}  // namespace
}  // namespace sluice::test
