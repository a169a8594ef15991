#include "filters/stun_turn/source_limiter.h"

#include <doctest/doctest.h>

namespace sluice::stun_turn {
namespace {

net::Address client(uint32_t n) {
  uint8_t ip[4];
  writeU32(ip, 0x0B000000 + n);
  return net::Address(ip, 5000);
}

size_t answered(SourceLimiter& limiter, const net::Address& from, size_t requests, Instant now) {
  size_t n = 0;
  for (size_t i = 0; i < requests; ++i) n += limiter.allow(from, now);
  return n;
}

TEST_CASE("one client gets its burst, then its rate") {
  ManualClock clock;
  SourceLimiter limiter(SourceLimiter::Source::kSite, 10);
  CHECK(answered(limiter, client(1), 100, clock.now()) == 50);
  clock.advance(1s);
  CHECK(answered(limiter, client(1), 100, clock.now()) == 10);
  clock.advance(10s);
  CHECK(answered(limiter, client(1), 100, clock.now()) == 50);
}

TEST_CASE("ports of one address and addresses of one IPv6 /64 are one client") {
  ManualClock clock;
  SourceLimiter limiter(SourceLimiter::Source::kSite, 10);
  CHECK(answered(limiter, client(1), 50, clock.now()) == 50);
  CHECK_FALSE(limiter.allow(client(1).withPort(1), clock.now()));
  CHECK(answered(limiter, *net::Address::parse("[2001:db8::1]:1"), 50, clock.now()) == 50);
  CHECK_FALSE(limiter.allow(*net::Address::parse("[2001:db8::2]:1"), clock.now()));
  CHECK(limiter.allow(*net::Address::parse("[2001:db8:0:1::2]:1"), clock.now()));
}

TEST_CASE("SourceLimiter: limited by address and port, each port has its own budget") {
  ManualClock clock;
  SourceLimiter limiter(SourceLimiter::Source::kAddress, 10);
  CHECK(answered(limiter, client(1), 100, clock.now()) == 50);
  CHECK(answered(limiter, client(1).withPort(1), 100, clock.now()) == 50);
}

TEST_CASE("a flood from four thousand addresses refuses almost no other client") {
  ManualClock clock;
  SourceLimiter limiter(SourceLimiter::Source::kSite, 8);
  for (uint32_t i = 0; i < 4000; ++i) answered(limiter, client(i), 50, clock.now());
  size_t refused = 0;
  for (uint32_t i = 0; i < 10'000; ++i) refused += !limiter.allow(client(1'000'000 + i), clock.now());
  CHECK(refused < 200);
}

}  // namespace
}  // namespace sluice::stun_turn
