#include "source/crypto/dtls.h"

#include <doctest/doctest.h>

#include <deque>
#include <thread>

#include "source/crypto/dtls_record.h"
#include "source/crypto/srtp.h"
#include "test/support/hex.h"

namespace sluice {
namespace {

using crypto::DtlsConnection;
using State = DtlsConnection::State;

// Two ends and what is on its way between them.
struct Pipe {
  struct End final : crypto::DtlsSink {
    std::shared_ptr<const crypto::DtlsContext> context =
        crypto::DtlsContext::make(crypto::Certificate::generate());
    std::unique_ptr<DtlsConnection> connection;
    std::deque<std::vector<uint8_t>> sent;
    int lose = 0;  // the next datagrams

    void sendDtls(Bytes datagram) override {
      CHECK(datagram.size() <= crypto::kDtlsMtu);
      CHECK(crypto::isWellFormedDtls(datagram));
      if (lose > 0) {
        --lose;
        return;
      }
      sent.emplace_back(datagram.begin(), datagram.end());
    }
  };
  End client, server;

  Pipe() {
    make(client, server, crypto::DtlsRole::kClient);
    make(server, client, crypto::DtlsRole::kServer);
  }
  static void make(End& end, const End& peer, crypto::DtlsRole role) {
    end.connection = std::make_unique<DtlsConnection>(
        *end.context,
        DtlsConnection::Options{.role = role,
                                .peer_fingerprint = peer.context->fingerprint(),
                                .profiles = {crypto::SrtpProfile::kAeadAes128Gcm},
                                .initial_timeout = 20ms},
        end);
  }
  void carry() {
    while (!client.sent.empty() || !server.sent.empty()) {
      deliver(client, server);
      deliver(server, client);
    }
  }
  static void deliver(End& from, End& to) {
    while (!from.sent.empty()) {
      const auto datagram = from.sent.front();
      from.sent.pop_front();
      to.connection->onDatagram(datagram);
    }
  }
  // Lets the retransmission timers run. BoringSSL reads the machine's clock, so this waits for as long as it says.
  void runTimers(int rounds) {
    for (int i = 0; i < rounds && !connected(); ++i) {
      for (End* end : {&client, &server}) {
        const auto due = end->connection->nextTimeout();
        if (!due) continue;
        std::this_thread::sleep_for(*due);
        end->connection->onTimeout();
      }
      carry();
    }
  }
  bool connected() const {
    return client.connection->state() == State::kConnected && server.connection->state() == State::kConnected;
  }
};

TEST_CASE("both ends get the same keys, each its own to send with") {
  Pipe pipe;
  pipe.client.connection->start();
  pipe.carry();
  REQUIRE(pipe.connected());
  const auto client = pipe.client.connection->keys();
  const auto server = pipe.server.connection->keys();
  CHECK(client.local == server.remote);
  CHECK(client.remote == server.local);
  CHECK(client.local != client.remote);
}

TEST_CASE("a lost flight comes again") {
  Pipe pipe;
  SUBCASE("the first hello") { pipe.client.lose = 2; }
  SUBCASE("the server's flight") { pipe.server.lose = 3; }
  pipe.client.connection->start();
  pipe.carry();
  pipe.runTimers(10);
  CHECK(pipe.connected());
}

TEST_CASE("the server's lost last flight is repaired after the server was done") {
  Pipe pipe;
  pipe.client.connection->start();
  while (pipe.server.connection->state() != State::kConnected) {
    Pipe::deliver(pipe.client, pipe.server);
    if (pipe.server.connection->state() == State::kConnected) break;
    Pipe::deliver(pipe.server, pipe.client);
  }
  pipe.server.sent.clear();  // ChangeCipherSpec and Finished
  CHECK(pipe.client.connection->state() == State::kHandshaking);
  pipe.runTimers(10);
  CHECK(pipe.connected());
}

TEST_CASE("a timer that is not due does nothing") {
  Pipe pipe;
  pipe.client.connection->start();
  pipe.client.sent.clear();
  CHECK(pipe.client.connection->nextTimeout().has_value());
  pipe.client.connection->onTimeout();  // not due: nothing happens
  CHECK(pipe.client.sent.empty());
  CHECK(pipe.client.connection->state() == State::kHandshaking);
}

TEST_CASE("DTLS framing: whole records of whole fragments pass, everything else does not") {
  const auto ok = [](const char* text) { return crypto::isWellFormedDtls(test::hex(text)); };
  CHECK(ok("16 fefd 0000 000000000000 000c 01 000000 0000 000000 000000"));
  CHECK(ok("15 feff 0000 000000000000 0002 01 00  14 fefd 0000 000000000001 0001 01"));
  CHECK(ok("16 fefd 0001 000000000000 0003 01 02 03"));  // encrypted: nothing to see
  for (const char* text : {"", "16 fefd 0000 000000000000 00", "16 fefd 0000 000000000000 0004 01 02 03",
                           "13 fefd 0000 000000000000 0001 01", "18 fefd 0000 000000000000 0001 01",
                           "16 0303 0000 000000000000 0001 01", "16 fefd 0000 000000000000 0000",
                           "16 fefd 0000 000000000000 0003 01 02 03",
                           "16 fefd 0000 000000000000 000c 01 000005 0000 000003 000003",
                           "16 fefd 0000 000000000000 000c 01 000005 0000 000000 000005"}) {
    CAPTURE(text);
    CHECK_FALSE(ok(text));
  }
}

TEST_CASE("SRTP goes on over the wrap of the sequence number, and RTCP is encrypted too") {
  crypto::SrtpKeys ours;
  ours.local.fill(1);
  ours.remote.fill(2);
  crypto::SrtpKeys theirs = ours;
  std::swap(theirs.local, theirs.remote);
  for (const auto profile : {crypto::SrtpProfile::kAeadAes128Gcm, crypto::SrtpProfile::kAes128CmSha1_80}) {
    ours.profile = theirs.profile = profile;
    auto sender = crypto::SrtpSession::make(ours);
    auto receiver = crypto::SrtpSession::make(theirs);
    REQUIRE(sender.ok());
    REQUIRE(receiver.ok());
    for (uint32_t i = 65'500; i < 65'600; ++i) {
      auto packet = test::hex("80 6f 0000 00000001 00000002 766f696365");
      packet.resize(17 + crypto::kSrtpTailroom);
      writeU16(&packet[2], static_cast<uint16_t>(i));
      size_t size = 17;
      REQUIRE((*sender)->protect(packet.data(), size) == crypto::SrtpStatus::kOk);
      REQUIRE((*receiver)->unprotect(packet.data(), size) == crypto::SrtpStatus::kOk);
      REQUIRE(size == 17);
      REQUIRE(asText(Bytes(packet).subspan(12, 5)) == "voice");
    }
    auto report = test::hex("81 c9 0001 00000002");
    report.resize(8 + crypto::kSrtpTailroom);
    size_t size = 8;
    CHECK((*sender)->protectRtcp(report.data(), size) == crypto::SrtpStatus::kOk);
    CHECK(size > 8);
    const auto once = report;
    const size_t once_size = size;
    CHECK((*receiver)->unprotectRtcp(report.data(), size) == crypto::SrtpStatus::kOk);
    report = once;
    size = once_size;
    CHECK((*receiver)->unprotectRtcp(report.data(), size) == crypto::SrtpStatus::kReplayed);
  }
}

}  // namespace
}  // namespace sluice
