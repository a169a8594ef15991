#include "source/turn/allocation.h"

#include <doctest/doctest.h>

namespace sluice::turn {
namespace {

using State = Allocation::State;
using Bind = Allocation::Bind;

net::Address at(const std::string& text) {
  return *net::Address::parse(text);
}
const net::Address kPeer = at("203.0.113.5:7000");
const net::Address kSameHost = at("203.0.113.5:7001");
const net::Address kOther = at("203.0.113.6:7000");

struct Fixture {
  ManualClock clock;
  Allocation allocation{"alice", 2};

  Fixture() { allocation.provision(now(), 600s); }
  Instant now() const { return clock.now(); }
  bool permitted(const net::Address& peer) const { return allocation.isPermitted(peer, now()); }
};

TEST_CASE("Allocation: the states are allocating, provisioned, active, expired") {
  ManualClock clock;
  Allocation allocation("alice", 2);
  CHECK(allocation.state(clock.now()) == State::kAllocating);
  allocation.provision(clock.now(), 600s);
  CHECK(allocation.state(clock.now()) == State::kProvisioned);
  CHECK(allocation.permit(kPeer, true, clock.now()));
  CHECK(allocation.state(clock.now()) == State::kActive);
  clock.advance(599s);
  CHECK(allocation.isLive(clock.now()));
  allocation.refresh(clock.now(), 700s);
  clock.advance(699s);
  CHECK(allocation.state(clock.now()) == State::kActive);
  clock.advance(1s);
  CHECK(allocation.state(clock.now()) == State::kExpired);
  CHECK_FALSE(allocation.isLive(clock.now()));
}

TEST_CASE("Allocation: a lifetime of zero ends everything at once, from each state") {
  for (const bool active : {false, true}) {
    Fixture f;
    if (active) CHECK(f.allocation.bind(0x4000, kPeer, true, f.now()) == Bind::kOk);
    f.allocation.refresh(f.now(), 0s);
    CHECK(f.allocation.state(f.now()) == State::kExpired);
    CHECK_FALSE(f.permitted(kPeer));
    CHECK(f.allocation.channel(0x4000, f.now()) == nullptr);
  }
}

TEST_CASE("Allocation: actions that a state does not allow change nothing") {
  ManualClock clock;
  Allocation early("alice", 2);
  early.refresh(clock.now(), 600s);
  CHECK_FALSE(early.permit(kPeer, true, clock.now()));
  CHECK(early.bind(0x4000, kPeer, true, clock.now()) == Bind::kFull);
  CHECK(early.state(clock.now()) == State::kAllocating);
  early.end();
  CHECK(early.state(clock.now()) == State::kExpired);

  for (const bool by_time : {false, true}) {
    Fixture f;
    CHECK(f.allocation.permit(kPeer, true, f.now()));
    f.allocation.provision(f.now(), 3600s);  // once is enough
    CHECK(f.allocation.state(f.now()) == State::kActive);
    if (by_time) f.clock.advance(600s);
    if (!by_time) f.allocation.end();
    f.allocation.provision(f.now(), 600s);
    f.allocation.refresh(f.now(), 600s);
    CHECK_FALSE(f.allocation.permit(kOther, true, f.now()));
    CHECK_FALSE(f.permitted(kPeer));
    CHECK(f.allocation.bind(0x4000, kPeer, true, f.now()) == Bind::kFull);
    CHECK(f.allocation.state(f.now()) == State::kExpired);
  }
}

TEST_CASE("a permission lasts 300 s, for all ports of its address") {
  Fixture f;
  CHECK(f.allocation.permit(kPeer, true, f.now()));
  CHECK(f.permitted(kSameHost));
  CHECK_FALSE(f.permitted(kOther));
  f.clock.advance(299s);
  CHECK(f.permitted(kPeer));
  f.clock.advance(1s);
  CHECK_FALSE(f.permitted(kPeer));
  CHECK(f.allocation.permit(kPeer, true, f.now()));
  CHECK(f.permitted(kPeer));
}

TEST_CASE("a permission for some ports is for these only, and forgets them when it expires") {
  Fixture f;
  CHECK(f.allocation.permit(kPeer, false, f.now()));
  CHECK(f.permitted(kPeer));
  CHECK_FALSE(f.permitted(kSameHost));
  f.clock.advance(300s);
  CHECK(f.allocation.permit(kSameHost, false, f.now()));
  CHECK_FALSE(f.permitted(kPeer));
}

TEST_CASE(
    "a channel outlives its permission, carries nothing meanwhile, and works again with a new permission") {
  Fixture f;
  f.allocation.refresh(f.now(), 3600s);
  CHECK(f.allocation.bind(0x4000, kPeer, true, f.now()) == Bind::kOk);
  f.clock.advance(300s);
  const auto* channel = f.allocation.channel(0x4000, f.now());
  REQUIRE(channel != nullptr);
  CHECK_FALSE(f.allocation.isPermitted(*channel, f.now()));
  CHECK(f.allocation.permit(kPeer, true, f.now()));
  CHECK(f.allocation.isPermitted(*f.allocation.channel(kPeer, f.now()), f.now()));
  f.clock.advance(300s);
  CHECK(f.allocation.channel(0x4000, f.now()) == nullptr);
}

TEST_CASE("a channel has one peer and a peer one channel until both are free again") {
  Fixture f;
  f.allocation.refresh(f.now(), 3600s);
  CHECK(f.allocation.bind(0x4000, kPeer, true, f.now()) == Bind::kOk);
  CHECK(f.allocation.bind(0x4000, kOther, true, f.now()) == Bind::kInUse);
  CHECK(f.allocation.bind(0x4001, kPeer, true, f.now()) == Bind::kInUse);
  CHECK(f.allocation.bind(0x4000, kPeer, true, f.now()) == Bind::kOk);
  CHECK(f.allocation.bind(0x4001, kOther, true, f.now()) == Bind::kOk);
  CHECK(f.allocation.channel(kOther, f.now())->number == 0x4001);
  f.clock.advance(600s);
  CHECK(f.allocation.bind(0x4000, kOther, true, f.now()) == Bind::kOk);
  CHECK(f.allocation.channel(0x4000, f.now())->peer == kOther);
}

TEST_CASE("Allocation: tables are bounded, and expired entries make room") {
  Fixture f;
  f.allocation.refresh(f.now(), 3600s);
  CHECK(f.allocation.bind(0x4000, kPeer, true, f.now()) == Bind::kOk);
  CHECK(f.allocation.bind(0x4001, kOther, true, f.now()) == Bind::kOk);
  CHECK(f.allocation.bind(0x4002, kSameHost, true, f.now()) == Bind::kFull);
  CHECK_FALSE(f.allocation.permit(at("203.0.113.7:1"), true, f.now()));
  f.clock.advance(300s);
  CHECK(f.allocation.permit(at("203.0.113.7:1"), true, f.now()));
  f.clock.advance(300s);
  CHECK(f.allocation.bind(0x4002, kSameHost, true, f.now()) == Bind::kOk);
  CHECK(f.allocation.channels() == 1);
}

TEST_CASE("several permissions are installed together or not at all") {
  Fixture f;
  f.allocation.refresh(f.now(), 3600s);
  const auto ports = [](uint16_t first, uint16_t count) {
    Allocation::Peers peers;
    for (uint16_t i = 0; i < count; ++i)
      peers.emplace_back(kPeer.withPort(static_cast<uint16_t>(first + i)), false);
    return peers;
  };
  CHECK(f.allocation.canPermit(ports(1, 2), f.now()));
  CHECK_FALSE(f.allocation.canPermit(ports(1, 3), f.now()));
  for (const auto& [peer, any_port] : ports(1, 2)) CHECK(f.allocation.permit(peer, any_port, f.now()));
  CHECK(f.allocation.canPermit(ports(1, 2), f.now()));
  CHECK_FALSE(f.allocation.canPermit(ports(2, 2), f.now()));
  // A refused one leaves the others unchanged.
  f.clock.advance(200s);
  CHECK_FALSE(f.allocation.permit(kPeer.withPort(99), false, f.now()));
  f.clock.advance(100s);
  CHECK_FALSE(f.allocation.isPermitted(kPeer.withPort(1), f.now()));
  // An expired entry that was not swept yet needs a place like any other.
  CHECK(f.allocation.canPermit({{at("203.0.113.8:1"), true}, {at("203.0.113.9:1"), true}}, f.now()));
  CHECK_FALSE(f.allocation.canPermit(
      {{at("203.0.113.8:1"), true}, {at("203.0.113.9:1"), true}, {at("203.0.113.10:1"), true}}, f.now()));
}

TEST_CASE("a sweep removes permissions that are no longer allowed") {
  Fixture f;
  CHECK(f.allocation.bind(0x4000, kPeer, true, f.now()) == Bind::kOk);
  CHECK(f.allocation.permit(kOther, false, f.now()));
  f.allocation.sweep(f.now(), [](const net::Address& peer) { return peer == kOther; });
  CHECK_FALSE(f.permitted(kPeer));
  CHECK(f.permitted(kOther));
  CHECK_FALSE(f.allocation.isPermitted(*f.allocation.channel(0x4000, f.now()), f.now()));
}

}  // namespace
}  // namespace sluice::turn
