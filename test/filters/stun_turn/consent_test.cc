#include "filters/stun_turn/consent.h"

#include <doctest/doctest.h>

namespace sluice::stun_turn {
namespace {

using Verdict = Consent::Verdict;

constexpr Duration kTimeout = 30s;
const net::Address kLocal = *net::Address::parse("198.51.100.1:3478");

net::Address remote(uint16_t port) {
  return *net::Address::parse("192.0.2.1:" + std::to_string(port));
}

struct Fixture {
  ManualClock clock;
  Consent consent;
  void renew(uint16_t port) { consent.renew(remote(port), kLocal, clock.now()); }
  Verdict evaluate(uint16_t port) const {
    return consent.evaluate(remote(port), kLocal, clock.now(), kTimeout);
  }
  Duration due(uint16_t port) const {
    return consent.due(remote(port), kLocal, clock.now(), kTimeout) - clock.now();
  }
};

TEST_CASE("Consent: without any pair egress stays") {
  CHECK(Fixture().evaluate(1) == Verdict::kKeep);
  CHECK(Fixture().consent.empty());
}

TEST_CASE("RFC 7675 5.1: consent expires kTimeout after the last check of any pair") {
  Fixture f;
  f.renew(1);
  CHECK(f.evaluate(1) == Verdict::kKeep);
  f.clock.advance(kTimeout - 1ns);
  CHECK(f.evaluate(1) == Verdict::kKeep);
  f.clock.advance(1ns);
  CHECK(f.evaluate(1) == Verdict::kExpired);
  f.renew(1);
  CHECK(f.evaluate(1) == Verdict::kKeep);
}

TEST_CASE("Consent: after a third of the timeout egress moves to a pair that was checked") {
  Fixture f;
  f.renew(1);
  f.clock.advance(kTimeout / 3 - 1ns);
  f.renew(2);
  CHECK(f.evaluate(1) == Verdict::kKeep);
  f.clock.advance(1ns);
  CHECK(f.evaluate(1) == Verdict::kMove);
  CHECK(f.consent.latest().remote == remote(2));
  CHECK(f.evaluate(2) == Verdict::kKeep);
}

TEST_CASE("Consent: a pair that was never checked gives way at once") {
  Fixture f;
  f.renew(2);
  CHECK(f.evaluate(1) == Verdict::kMove);
}

TEST_CASE("Consent: the verdict is due after a third of the timeout, then when the last pair expires") {
  Fixture f;
  f.renew(1);
  CHECK(f.due(1) == kTimeout / 3);
  f.clock.advance(kTimeout / 3);
  CHECK(f.due(1) == kTimeout - kTimeout / 3);
}

TEST_CASE("Consent: of too many pairs the one that consented longest ago is replaced") {
  Fixture f;
  for (uint16_t port = 1; port <= Consent::kMaxPairs; ++port) {
    f.clock.advance(1ms);
    f.renew(port);
  }
  f.clock.advance(1ms);
  f.renew(1);
  f.renew(100);  // replaces 2
  CHECK(f.evaluate(1) == Verdict::kKeep);
  CHECK(f.evaluate(3) == Verdict::kKeep);
  CHECK(f.evaluate(2) == Verdict::kMove);
}

}  // namespace
}  // namespace sluice::stun_turn
