// A minimal TURN client (RFC 8656 over UDP) and the server under test, on virtual time.
#pragma once

#include "source/credentials/store.h"
#include "test/filters/stun_turn/turn_message.h"
#include "test/support/harness.h"

namespace sluice::test {

inline const std::string kRealm = "example.org";
// Some clients send it in their first request, others do not.
inline const Attribute kClientSoftware = text(stun::kSoftware, "A test's client, version 1");
// Relays of both families, whatever family the client has.
inline const std::string kBothFamilies =
    "relay_addresses { address: '198.51.100.1' } relay_addresses { address: '2001:db8:ffff::1' } ";

// The state that all sessions of a TURN server share. Users: alice, bob, carol with password1 to password3.
class TurnServer {
 public:
  // `turn` is the content of the `turn` field besides the realm. All clients are on the first worker.
  explicit TurnServer(const std::string& turn = "", unsigned workers = 1);

  // Lets time pass and fires timers.
  void advance(Duration by);
  FakeNetwork& network() { return worker.network(); }
  // The datagrams sent to peers since the last call: "PEER DATA", separated by commas.
  std::string sent();
  void forgetSent();

  std::map<std::string, std::string> users{
      {"alice", "password1"}, {"bob", "password2"}, {"carol", "password3"}};
  std::vector<std::string> shared_secrets;
  std::string config;
  ManualClock clock;
  FakeWorker worker;
  chain::ProcessState process;  // its reservations are the network's

 private:
  size_t sent_seen_ = 0;
};

struct User {
  std::string name;
  std::string password;
};
inline const User kAlice{"alice", "password1"};
inline const User kBob{"bob", "password2"};

// A client with its own 5-tuple. An IPv6 client uses 2001:db8:ffff::1.
class TurnClient {
 public:
  explicit TurnClient(TurnServer& server, const std::string& address = "192.0.2.1:5000", User user = kAlice);
  ~TurnClient();

  // Right credentials for the last challenge. Requests a challenge if there is none.
  Auth auth();
  // With USERHASH instead of USERNAME.
  Auth anonymousAuth();
  // Uses the challenge in a 401 or 438.
  void learn(const Answer& challenge) { challenge_ = challenge; }

  // With auth(), and again if the nonce was stale.
  Answer request(uint16_t method, const Attributes& attributes = {});
  Answer request(uint16_t method, const Attributes& attributes, const Auth& auth);
  // Without credentials.
  Answer ask(uint16_t method, const Attributes& attributes = {});
  void indicate(uint16_t method, const Attributes& attributes);
  // The request's bytes, which can be sent more than once.
  std::vector<uint8_t> formed(uint16_t method, const Attributes& attributes = {});
  // `auth`: the credentials whose key may protect the response.
  Answer send(Bytes datagram, const Auth* auth = nullptr);

  // Requires success and stores the relayed addresses; adds REQUESTED-TRANSPORT.
  Answer allocate(Attributes attributes = {});
  // Adds REQUESTED-TRANSPORT.
  Answer tryAllocate(Attributes attributes = {});
  Answer refresh(const Attributes& attributes = {}) { return request(stun::kRefresh, attributes); }
  Answer permit(const std::vector<std::string>& peers);
  Answer bind(uint16_t channel, const std::string& peer);
  // A Send indication.
  void say(const std::string& peer, std::string_view payload);
  // A ChannelData message; `claimed` overrides its length.
  void sayOn(uint16_t channel, std::string_view payload, std::optional<size_t> claimed = {});
  // A peer sends to the relayed address of its family. False if there is no such port.
  bool peerSays(const std::string& peer, std::string_view payload);
  // The data received from peers since the last call: "PEER DATA", "0x4000 DATA" or "PEER icmp HEX",
  // separated by commas.
  std::string received();
  void forgetHeard();

  ChainHarness chain;
  std::vector<net::Address> relayed;
  const net::Address& relay() const { return relayed.at(0); }

 private:
  TurnServer& server_;
  const User user_;
  Answer challenge_;
  size_t received_count_ = 0;
};

// Checks a 401 or 438 by RFC 8489 sections 9.2.1 and 9.2.4: required attributes, forbidden attributes, and
// their consistency.
void checkChallenge(const Answer& answer, bool algorithms_are_a_must);

inline const std::string kPeer = "203.0.113.5:7000";

// Whether a client's datagram reaches the peer, and the peer's the client: "out", "in", "both" or "none".
std::string ways(TurnServer& server, TurnClient& client, const std::string& peer = kPeer);
// The same on a channel.
std::string ways(TurnServer& server, TurnClient& client, uint16_t channel, const std::string& peer = kPeer);

}  // namespace sluice::test
