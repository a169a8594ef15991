// RFC 8489 section 9.2 and RFC 8656 section 5: nonces.
#include <doctest/doctest.h>

#include <set>

#include "test/filters/stun_turn/turn_client.h"

namespace sluice::test {
namespace {

TEST_CASE(
    "RFC 8489 9.2, 18.1: the nonce begins with the cookie and signals password algorithms and username "
    "anonymity") {
  TurnServer server;
  TurnClient client(server);
  const Response response = client.bareRequest(stun::kAllocate, {transport(), kClientSoftware});
  CHECK(response.text(stun::kNonce).starts_with("obMatJos2wAAA"));
}

TEST_CASE("RFC 8489 9.2.4: the shortest Allocate request gets the complete challenge, in any realm") {
  struct Case {
    size_t realm;  // bytes
    bool algorithms;
  };
  for (const Case& each : {Case{1, true}, {11, true}, {12, true}, {13, false}, {24, false}}) {
    for (const bool fingerprint : {false, true}) {
      CAPTURE(each.realm);
      TurnServer server;
      const std::string realm(each.realm, 'r');
      server.config.replace(server.config.find(kRealm), kRealm.size(), realm);
      TurnClient client(server);
      auto shortest = form(stun::kAllocate, stun::Class::kRequest, newTransaction(), {transport()});
      if (fingerprint) {
        shortest = form(stun::kAllocate, stun::Class::kRequest, newTransaction(),
                        {transport(), [](stun::Writer& writer) { writer.addFingerprint(); }});
      }
      const Response response = client.send(shortest);
      CHECK(response.code() == 401);
      CHECK(response.bytes.size() < 3 * shortest.size());
      CHECK(response.text(stun::kRealm) == realm);
      CHECK(response.has(stun::kPasswordAlgorithms) == each.algorithms);
      CHECK(response.securityFeatures() == (each.algorithms ? 0xC00000u : 0x400000u));
    }
  }
}

TEST_CASE(
    "RFC 8489 9.2.1: no request gets a nonce without security features, which could be passed to other "
    "clients") {
  TurnServer server;
  TurnClient client(server);
  size_t responded = 0;
  for (const uint16_t method :
       {stun::kAllocate, stun::kRefresh, stun::kCreatePermission, stun::kChannelBind}) {
    for (size_t size = 0; size < 64; ++size) {
      CAPTURE(method);
      CAPTURE(size);
      for (const Attributes& attributes :
           {Attributes{}, Attributes{text(stun::kSoftware, std::string(size, 's'))}}) {
        const Response response = client.bareRequest(method, attributes);
        if (response.code() == kSilence) continue;
        ++responded;
        checkChallenge(response, true);
      }
    }
  }
  CHECK(responded > 200);
}

TEST_CASE("RFC 8489 9.2.4: two source addresses never get the same nonce") {
  TurnServer server;
  std::set<std::string> nonces;
  for (const char* from : {"192.0.2.1:5000", "192.0.2.1:5001", "192.0.2.2:5000", "[2001:db8:1::1]:5000",
                           "[2001:db8:1::2]:5000"}) {
    TurnClient client(server, from);
    nonces.insert(client.bareRequest(stun::kAllocate, {kClientSoftware}).text(stun::kNonce));
    nonces.insert(client.bareRequest(stun::kAllocate, {transport()}).text(stun::kNonce));
  }
  CHECK(nonces.size() == 10);
}

TEST_CASE("RFC 8489 9.2.4: a nonce is stale after its lifetime; the error 438 contains a valid one") {
  TurnServer server("nonce_lifetime_s: 300 ");
  TurnClient client(server);
  client.allocate();
  server.advance(295s);
  CHECK(client.refresh().code() == kSuccess);
  server.advance(310s);
  for (const uint16_t method : {stun::kRefresh, stun::kCreatePermission, stun::kChannelBind}) {
    const Response stale = client.request(method, {channel(0x4000), peer(kPeer)}, client.auth());
    CHECK(stale.code() == 438);
    checkChallenge(stale, true);
    CHECK(stale.text(stun::kNonce) != client.auth().nonce);
  }
  CHECK(client.refresh().code() == kSuccess);  // with the new one
}

TEST_CASE("RFC 8489 9.2: a stale nonce stays stale, because old requests could be replayed otherwise") {
  TurnServer server;
  TurnClient client(server);
  const auto captured = client.formed(stun::kAllocate, {transport()});
  server.advance(610s);
  for (int ten_minutes = 0; ten_minutes < 60 * 24 * 6; ++ten_minutes) {  // sixty days
    server.advance(10min);
    REQUIRE(client.send(captured).code() == 438);
  }
  CHECK(server.network().open_ports() == 0);
}

TEST_CASE("RFC 8656 5: by default a nonce expires within an hour, also for an active client") {
  TurnServer server;
  TurnClient client(server);
  client.allocate();
  bool stale = false;
  for (int minute = 0; minute < 61 && !stale; ++minute) {
    server.advance(1min);
    stale = client.request(stun::kRefresh, {lifetime(3600)}, client.auth()).code() == 438;
  }
  CHECK(stale);
}

TEST_CASE("RFC 8656 5: each first attempt to allocate gets a new random nonce") {
  TurnServer server;
  TurnClient client(server);
  std::set<std::string> nonces;
  for (int i = 0; i < 20; ++i)
    nonces.insert(client.bareRequest(stun::kAllocate, {transport(), kClientSoftware}).text(stun::kNonce));
  CHECK(nonces.size() == 20);
}

TEST_CASE("RFC 8489 9.2.4: a nonce of another source address or another server is an error 438") {
  TurnServer server;
  TurnClient other_port(server, "192.0.2.1:5001"), other_host(server, "192.0.2.2:5000");
  const std::string others[]{*other_port.auth().nonce, *other_host.auth().nonce};
  TurnClient client(server);
  const std::string ours = *client.auth().nonce;
  std::string altered = ours;
  altered.back() = altered.back() == 'A' ? 'B' : 'A';
  for (const std::string& nonce :
       {others[0], others[1], altered, ours + "x", ours.substr(0, ours.size() - 1), ours.substr(13),
        ours.substr(9), "obMatJos2AAAA" + ours.substr(13), std::string("obMatJos2"),
        std::string("f//499k954d6OL34oL9FSTvy64sA"), std::string(), std::string(763, 'n')}) {
    CAPTURE(nonce);
    Auth auth = client.auth();
    auth.nonce = nonce;
    const bool list_bit = nonce.starts_with(ours.substr(0, 13));
    if (!list_bit) {  // as a client would that received this nonce
      auth.algorithms.reset();
      auth.algorithm.reset();
      auth.key_algorithm = kMd5;
    }
    const Response response = client.request(stun::kAllocate, {transport()}, auth);
    CHECK(response.code() == 438);
    checkChallenge(response, true);
  }
  CHECK(server.network().open_ports() == 0);
}

}  // namespace
}  // namespace sluice::test
