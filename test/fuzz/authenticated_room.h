// A room of two players whose chains have SRTP keys, and the players' clients, which have the same keys. Code
// inward of dtls_srtp is reached without a handshake for each input.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "source/crypto/srtp.h"
#include "test/support/harness.h"

namespace sluice::fuzz {

constexpr unsigned kChains = 4;  // configurations of a chain

class AuthenticatedRoom;

// One player: its client, and its chain in the server.
class Member {
 public:
  Member(AuthenticatedRoom& room, unsigned index);

  // One datagram, from the address with this number.
  void send(Bytes datagram, unsigned address = 0);
  // An RTP or RTCP packet under the client's keys. A packet that libsrtp refuses to protect is sent
  // unchanged.
  void sendRtp(Bytes packet, unsigned address = 0);
  void sendRtcp(Bytes packet, unsigned address = 0);
  // A connectivity check with the right credentials and these bytes as further attributes.
  void check(Bytes attributes, unsigned address, bool nominate);
  void repeatLast(unsigned address) { send(std::vector<uint8_t>(last_), address); }
  // Receives the packets that the chain has sent. Aborts if a packet does not decrypt.
  void receive() { receive(*chain); }
  void receive(test::ChainHarness& from);

  bool isClosed() const { return !chain->session.closed.empty(); }

  const uint32_t ssrc;       // under which the client sends
  const uint32_t slot_ssrc;  // on which it receives the other player
  std::unique_ptr<test::ChainHarness> chain;
  uint16_t last_received = 0;  // the sequence number of the last RTP packet that arrived

 private:
  void protectAndSend(Bytes packet, crypto::SrtpStatus (crypto::SrtpSession::*protect)(uint8_t*, size_t&),
                      unsigned address);

  std::unique_ptr<crypto::SrtpSession> srtp_;
  std::vector<uint8_t> last_;  // the datagram that was sent last
  uint32_t transactions_ = 0;
};

class AuthenticatedRoom {
 public:
  explicit AuthenticatedRoom(unsigned chain);
  ~AuthenticatedRoom();

  // Advances the clock and runs the timers that are due.
  void wait(Duration time);
  void reload(unsigned chain);
  // Both sessions continue in another process.
  void takeOver();

  std::unique_ptr<test::ChainHarness> makeChain();
  rooms::Directory& directory() { return directory_; }
  test::FakeWorker& worker() { return *worker_; }

 private:
  void endWorker(std::unique_ptr<test::FakeWorker> worker);

  ManualClock clock_;
  rooms::Directory directory_{{}, 1, clock_};
  unsigned chain_;
  std::unique_ptr<test::FakeWorker> worker_;

 public:
  std::array<Member, 2> members;  // ends before its users
};

// Opus, RED and RTX, as both players negotiated them.
constexpr uint8_t kOpus = 111, kRed = 63, kRtx = 97;

}  // namespace sluice::fuzz
