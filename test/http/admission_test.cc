#include "source/http/admission.h"

#include <doctest/doctest.h>

namespace sluice::http {
namespace {

using Refusal = Admission::Refusal;

net::Address ip(std::string_view text) {
  return *net::Address::parseIp(text);
}

std::vector<net::Prefix> prefixes(std::initializer_list<const char*> texts) {
  std::vector<net::Prefix> all;
  for (const char* text : texts) all.push_back(*net::Prefix::parse(text));
  return all;
}

TEST_CASE("requests are limited by IPv4 address and IPv6 /64") {
  ManualClock clock;
  RateLimiter limiter(10, 2, 2);
  CHECK(limiter.allow(ip("10.0.0.1"), clock.now()));
  CHECK(limiter.allow(ip("10.0.0.1"), clock.now()));
  CHECK_FALSE(limiter.allow(ip("10.0.0.1"), clock.now()));
  CHECK(limiter.allow(ip("10.0.0.2"), clock.now()));
  clock.advance(100ms);
  CHECK(limiter.allow(ip("10.0.0.1"), clock.now()));
  CHECK_FALSE(limiter.allow(ip("10.0.0.1"), clock.now()));
  clock.advance(1h);
  CHECK(limiter.allow(ip("2001:db8::1"), clock.now()));
  CHECK(limiter.allow(ip("2001:db8::2"), clock.now()));
  CHECK_FALSE(limiter.allow(ip("2001:db8:0:0:ffff::3"), clock.now()));
  CHECK(limiter.size() == 2);
  CHECK(RateLimiter(0, 0).allow(ip("10.0.0.1"), clock.now()));
}

TEST_CASE("connections are limited in total, by IPv4 address and by IPv6 /64") {
  Admission admission("test", {.connections = 5, .connections_per_source = 2});
  const auto open = [&](std::string_view peer) {
    if (!admission.admitConnection(ip(peer), false, {})) return false;
    admission.opened(ip(peer));
    return true;
  };
  CHECK(open("2001:db8::1"));
  CHECK(open("2001:db8::2"));
  for (const char* same : {"2001:db8::3", "2001:db8:0:0:1::", "2001:db8::ffff:ffff:ffff:ffff"}) {
    CHECK_FALSE(open(same));
  }
  CHECK(admission.count(Refusal::kConnectionsPerSource) == 3);
  CHECK(open("2001:db8:0:1::1"));
  CHECK(open("192.0.2.1"));
  CHECK(open("192.0.2.2"));
  CHECK_FALSE(open("192.0.2.3"));
  CHECK(admission.count(Refusal::kConnections) == 1);
  admission.closed(ip("2001:db8::1"));
  CHECK(open("2001:db8::9"));
  CHECK(admission.connections() == 5);
}

TEST_CASE("24 addresses of one /64 have no more connections than one address") {
  Admission admission("test", {.connections = 25'000, .connections_per_source = 1000});
  for (int address = 1; address <= 24; ++address) {
    const net::Address peer = ip("2001:db8::" + std::to_string(address));
    for (int i = 0; i < 1000; ++i) {
      if (admission.admitConnection(peer, false, {})) admission.opened(peer);
    }
  }
  CHECK(admission.connections() == 1000);
  CHECK(admission.admitConnection(ip("2001:db8:0:1::1"), false, {}));
}

TEST_CASE("per-client limits apply to a trusted proxy's clients, not to the proxy") {
  ManualClock clock;
  Admission admission("test", {.connections_per_source = 1,
                               .requests_per_second = 1,
                               .request_burst = 1,
                               .trusted_proxies = prefixes({"10.0.0.0/24"})});
  for (int i = 0; i < 100; ++i) {
    CHECK(admission.admitConnection(ip("10.0.0.1"), false, clock.now()));
    admission.opened(ip("10.0.0.1"));
    CHECK(admission.admitRequest(ip("10.0.0.1"), clock.now()));
  }
  const net::Address client = admission.clientOf(ip("10.0.0.1"), "203.0.113.9, 192.0.2.7");
  CHECK(client == ip("192.0.2.7"));
  CHECK(admission.admitRequest(client, clock.now()));
  CHECK_FALSE(admission.admitRequest(client, clock.now()));
  CHECK(admission.count(Refusal::kRequests) == 1);
}

TEST_CASE("X-Forwarded-For names the client of a trusted proxy, and is ignored from others") {
  const Admission admission("test", {.trusted_proxies = prefixes({"10.0.0.0/24", "fd00::/8"})});
  const struct {
    const char* peer;
    const char* header;
    const char* client;
  } kCases[] = {
      {"192.0.2.1", "198.51.100.1", "192.0.2.1"},
      {"10.0.0.1", "", "10.0.0.1"},
      {"10.0.0.1", "198.51.100.1", "198.51.100.1"},
      {"10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"},
      {"10.0.0.1", "203.0.113.1,198.51.100.1 , fd00::1,10.0.0.2", "198.51.100.1"},
      {"10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"},
      {"10.0.0.1", "198.51.100.1, unknown", "10.0.0.1"},
      {"10.0.0.1", "198.51.100.1, ", "10.0.0.1"},
      {"10.0.0.1", "198.51.100.1:4711", "198.51.100.1"},
      {"10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"},
      {"10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"},
      {"fd00::7", "2001:db8::5", "2001:db8::5"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.header);
    CHECK(admission.clientOf(ip(c.peer).withPort(99), c.header) == ip(c.client));
  }
}

TEST_CASE("TLS handshakes have a rate limit, in total and per source") {
  ManualClock clock;
  Admission admission("test", {.handshakes_per_second = 8});
  const auto admitted = [&](int connections, const char* peer) {
    int count = 0;
    for (int i = 0; i < connections; ++i) count += admission.admitConnection(ip(peer), true, clock.now());
    return count;
  };
  CHECK(admitted(10, "192.0.2.1") == 4);  // a quarter of 8 a second, with a burst of two seconds
  CHECK(admitted(3, "192.0.2.2") == 3);
  for (const char* peer : {"192.0.2.3", "192.0.2.4"}) CHECK(admitted(4, peer) == 4);
  CHECK(admitted(4, "192.0.2.5") == 1);
  CHECK(admission.count(Refusal::kHandshakes) == 9);
  CHECK(admission.admitConnection(ip("192.0.2.5"), false, clock.now()));
  clock.advance(1s);
  CHECK(admitted(10, "192.0.2.1") == 2);
}

TEST_CASE("bytes in flight are bounded, and a reload keeps the count") {
  Admission admission("test", {.bytes_in_flight = 100});
  CHECK(admission.tryHold(60));
  CHECK_FALSE(admission.tryHold(41));
  CHECK_FALSE(admission.isFull());
  CHECK(admission.tryHold(40));
  CHECK(admission.isFull());
  admission.hold(10);
  CHECK_FALSE(admission.tryHold(1));
  admission.configure({.bytes_in_flight = 50}, {});
  admission.release(70);
  CHECK(admission.held() == 40);
  CHECK(admission.tryHold(10));
}

TEST_CASE(
    "the bodies of one source may use a quarter of the bytes in flight, those of a trusted proxy all of "
    "them") {
  Admission admission("test",
                      {.bytes_in_flight = 400, .trusted_proxies = {*net::Prefix::parse("10.0.0.1/32")}});
  const auto address = [](const char* text) { return *net::Address::parseIp(text); };
  CHECK(admission.tryHoldBody(address("192.0.2.1"), 60));
  CHECK(admission.tryHoldBody(address("192.0.2.1"), 40));
  CHECK_FALSE(admission.tryHoldBody(address("192.0.2.1"), 1));
  CHECK(admission.tryHoldBody(address("2001:db8::1"), 100));
  CHECK_FALSE(admission.tryHoldBody(address("2001:db8::2"), 1));
  CHECK(admission.held() == 200);
  admission.releaseBody(address("192.0.2.1"), 40);
  CHECK(admission.tryHoldBody(address("192.0.2.1"), 40));
  CHECK(admission.tryHoldBody(address("10.0.0.1"), 200));
  CHECK_FALSE(admission.tryHoldBody(address("192.0.2.9"), 1));
  admission.releaseBody(address("10.0.0.1"), 200);
  admission.releaseBody(address("192.0.2.1"), 100);
  admission.releaseBody(address("2001:db8::2"), 100);
  CHECK(admission.held() == 0);
}

}  // namespace
}  // namespace sluice::http
