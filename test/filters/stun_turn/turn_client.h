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
  // `turn` is added to the `turn` field, which has the realm. All clients are on the first worker.
  explicit TurnServer(const std::string& turn = "", unsigned workers = 1);

  // Advances the clock and fires timers.
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

  // The right credentials for the last challenge. Requests a challenge if there is none.
  Auth auth();
  // The same with USERHASH instead of USERNAME.
  Auth anonymousAuth();
  // Uses the challenge, a 401 or 438, from now on.
  void useChallenge(const Response& challenge) { challenge_ = challenge; }

  // Sends a request with auth(), and repeats it if the nonce is stale.
  Response request(uint16_t method, const Attributes& attributes = {});
  Response request(uint16_t method, const Attributes& attributes, const Auth& auth);
  // Sends a request without credentials.
  Response bareRequest(uint16_t method, const Attributes& attributes = {});
  void indicate(uint16_t method, const Attributes& attributes);
  // The bytes of a request, for send(), which may send them more than once.
  std::vector<uint8_t> formed(uint16_t method, const Attributes& attributes = {});
  // `auth`: the credentials whose key may protect the response.
  Response send(Bytes datagram, const Auth* auth = nullptr);

  // Requires success and stores the relayed addresses; adds REQUESTED-TRANSPORT.
  Response allocate(Attributes attributes = {});
  // Adds REQUESTED-TRANSPORT; may fail.
  Response tryAllocate(Attributes attributes = {});
  Response refresh(const Attributes& attributes = {}) { return request(stun::kRefresh, attributes); }
  Response permit(const std::vector<std::string>& peers);
  Response bind(uint16_t channel, const std::string& peer);
  // Sends a Send indication.
  void sendIndication(const std::string& peer, std::string_view payload);
  // Sends a ChannelData message; `claimed` overrides its length.
  void sendOnChannel(uint16_t channel, std::string_view payload, std::optional<size_t> claimed = {});
  // A peer sends to the relayed address of its family. False if there is no such port.
  bool peerSends(const std::string& peer, std::string_view payload);
  // The data received from peers since the last call: "PEER DATA", "0x4000 DATA" or "PEER icmp HEX",
  // separated by commas.
  std::string received();
  void forgetReceived();

  ChainHarness chain;
  std::vector<net::Address> relayed;
  const net::Address& relay() const { return relayed.at(0); }

 private:
  TurnServer& server_;
  const User user_;
  Response challenge_;
  size_t received_count_ = 0;
};

// Checks a 401 or 438 by RFC 8489 sections 9.2.1 and 9.2.4: required attributes, forbidden attributes, and
// their consistency.
void checkChallenge(const Response& response, bool algorithms_are_a_must);

inline const std::string kPeer = "203.0.113.5:7000";

// The directions in which datagrams pass between client and peer: "out", "in", "both" or "none".
std::string flows(TurnServer& server, TurnClient& client, const std::string& peer = kPeer);
// The same on a channel.
std::string flows(TurnServer& server, TurnClient& client, uint16_t channel, const std::string& peer = kPeer);

}  // namespace sluice::test
