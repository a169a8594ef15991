#include "source/crypto/dtls.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <random>
#include <vector>

namespace sluice::crypto {
namespace {

using State = DtlsConnection::State;
using Datagram = std::vector<uint8_t>;

const std::vector<SrtpProfile> kBoth{SrtpProfile::kAeadAes128Gcm, SrtpProfile::kAes128CmSha1_80};

// One end; its datagrams wait in a queue until the test delivers them.
struct End final : DtlsSink {
  std::shared_ptr<const Certificate> certificate = Certificate::generate();
  std::shared_ptr<const DtlsContext> context = DtlsContext::make(certificate);
  DtlsConnection::Options options{
      .role = DtlsRole::kServer, .peer_fingerprints = {}, .profiles = kBoth, .initial_timeout = 20ms};
  std::deque<Datagram> out;
  std::unique_ptr<DtlsConnection> connection;

  void sendDtls(Bytes datagram) override { out.emplace_back(datagram.begin(), datagram.end()); }
  void connect() { connection = std::make_unique<DtlsConnection>(*context, options, *this); }
  State state() const { return connection->state(); }
};

struct Pair {
  End server;
  End client;
  std::function<bool(const Datagram&)> loses = [](const Datagram&) { return false; };

  Pair() {
    server.options.peer_fingerprints = {client.context->fingerprint()};
    client.options.peer_fingerprints = {server.context->fingerprint()};
    client.options.role = DtlsRole::kClient;
  }

  void begin() {
    server.connect();
    client.connect();
    client.connection->start();
  }
  // Delivers datagrams until both ends are silent.
  void carry() {
    while (!server.out.empty() || !client.out.empty()) {
      carryOne(client, server);
      carryOne(server, client);
    }
  }
  void carryOne(End& from, End& to) {
    if (from.out.empty()) return;
    const Datagram datagram = std::move(from.out.front());
    from.out.pop_front();
    if (!loses(datagram)) to.connection->onDatagram(datagram);
  }
  bool handshaking() const {
    return server.state() == State::kHandshaking || client.state() == State::kHandshaking;
  }
  // Lets timers fire when they are due, by the machine's clock, because the library reads no other. The wait
  // is limited.
  void settle() {
    const RealClock clock;
    const Instant end = clock.now() + 20s;
    carry();
    while (handshaking() && clock.now() < end) {
      for (End* side : {&client, &server}) {
        const auto due = side->connection->nextTimeout();
        if (due && *due <= Duration::zero()) side->connection->onTimeout();
      }
      carry();
    }
  }
  bool connected() const {
    return server.state() == State::kConnected && client.state() == State::kConnected;
  }
};

TEST_CASE("both ends agree on a profile and on the keys") {
  struct Case {
    std::vector<SrtpProfile> server, client;
    SrtpProfile agreed;
  };
  const auto gcm = SrtpProfile::kAeadAes128Gcm;
  const auto cm = SrtpProfile::kAes128CmSha1_80;
  for (const Case& c : {Case{{gcm, cm}, {cm, gcm}, gcm}, Case{{cm, gcm}, {gcm, cm}, cm},
                        Case{{gcm, cm}, {cm}, cm}, Case{{gcm}, {gcm, cm}, gcm}}) {
    Pair pair;
    pair.server.options.profiles = c.server;
    pair.client.options.profiles = c.client;
    pair.begin();
    pair.carry();
    REQUIRE(pair.connected());
    CHECK(pair.server.connection->profile() == c.agreed);
    const SrtpKeys server = pair.server.connection->keys();
    const SrtpKeys client = pair.client.connection->keys();
    CHECK(client.profile == c.agreed);
    CHECK(server.local == client.remote);
    CHECK(server.remote == client.local);
    CHECK(server.local != server.remote);
    CHECK_FALSE(pair.server.connection->nextTimeout().has_value());
  }
}

TEST_CASE("no datagram is longer than the configured MTU") {
  Pair pair;
  size_t longest = 0;
  pair.loses = [&](const Datagram& datagram) {
    longest = std::max(longest, datagram.size());
    return false;
  };
  pair.begin();
  pair.carry();
  CHECK(longest > 0);
  CHECK(longest <= kDtlsMtu);
}

TEST_CASE("any lost datagram of the handshake is repaired by a retransmission") {
  size_t datagrams = 0;
  {
    Pair pair;
    pair.loses = [&](const Datagram&) {
      ++datagrams;
      return false;
    };
    pair.begin();
    pair.carry();
  }
  REQUIRE(datagrams >= 4);
  for (size_t lost = 0; lost < datagrams; ++lost) {
    CAPTURE(lost);
    Pair pair;
    size_t seen = 0;
    pair.loses = [&](const Datagram&) { return seen++ == lost; };
    pair.begin();
    pair.settle();
    CHECK(pair.connected());
  }
}

TEST_CASE("nothing is retransmitted before its timeout") {
  Pair pair;
  pair.client.options.initial_timeout = 60s;
  pair.begin();
  pair.client.out.clear();
  pair.client.connection->onTimeout();
  CHECK(pair.client.out.empty());
  const auto due = pair.client.connection->nextTimeout();
  REQUIRE(due);
  CHECK(*due > 50s);
  CHECK(*due <= 60s);
}

TEST_CASE("a certificate that was not announced fails the handshake, on either side") {
  Pair pair;
  SUBCASE("the client's") {
    pair.server.options.peer_fingerprints[0][31] ^= 1;
  }
  SUBCASE("the server's") {
    pair.client.options.peer_fingerprints[0][0] ^= 0x80;
  }
  const bool at_server = pair.server.options.peer_fingerprints[0] != pair.client.context->fingerprint();
  pair.begin();
  pair.carry();
  const DtlsConnection& wronged = at_server ? *pair.server.connection : *pair.client.connection;
  CHECK(wronged.state() == State::kFailed);
  CHECK(wronged.failure() == "wrong_fingerprint");
  CHECK_FALSE(pair.connected());
}

TEST_CASE("a certificate is accepted if it is one of several that were announced (RFC 8122 section 5)") {
  for (const bool last : {false, true}) {
    CAPTURE(last);
    Pair pair;
    auto& announced = pair.server.options.peer_fingerprints;
    announced.insert(last ? announced.begin() : announced.end(), Fingerprint{1, 2, 3});
    pair.begin();
    pair.settle();
    CHECK(pair.connected());
  }
}

TEST_CASE("without a common profile the handshake fails") {
  Pair pair;
  pair.server.options.profiles = {SrtpProfile::kAeadAes128Gcm};
  pair.client.options.profiles = {SrtpProfile::kAes128CmSha1_80};
  pair.begin();
  pair.carry();
  CHECK(pair.server.state() == State::kFailed);
  CHECK(pair.server.connection->failure() == "no_srtp_profile");
}

TEST_CASE("invalid datagrams before, during and after a handshake are ignored") {
  std::mt19937 random(1);
  const auto disturb = [&](End& end) {
    for (int i = 0; i < 50; ++i) {
      Datagram garbage(random() % 100);
      for (uint8_t& byte : garbage) byte = static_cast<uint8_t>(random());
      if (!garbage.empty()) garbage[0] = static_cast<uint8_t>(20 + random() % 44);
      end.connection->onDatagram(garbage);
    }
  };
  Pair pair;
  pair.begin();
  disturb(pair.server);
  int carried = 0;
  pair.loses = [&](const Datagram&) {
    if (carried++ < 4) {
      disturb(pair.server);
      disturb(pair.client);
    }
    return false;
  };
  pair.settle();
  REQUIRE(pair.connected());
  disturb(pair.server);
  disturb(pair.client);
  CHECK(pair.connected());
  CHECK(pair.server.connection->keys().local == pair.client.connection->keys().remote);
}

TEST_CASE("close_notify is sent once and received") {
  Pair pair;
  pair.begin();
  pair.carry();
  REQUIRE(pair.connected());
  pair.client.connection->close();
  REQUIRE(pair.client.out.size() == 1);
  pair.client.connection->close();
  CHECK(pair.client.out.size() == 1);
  pair.carry();
  CHECK(pair.client.state() == State::kClosed);
  CHECK(pair.server.state() == State::kClosed);
}

TEST_CASE("a connection without a completed handshake sends no close_notify") {
  Pair pair;
  pair.begin();
  pair.client.out.clear();
  pair.client.connection->close();
  CHECK(pair.client.out.empty());
  CHECK(pair.client.state() == State::kHandshaking);
}

}  // namespace
}  // namespace sluice::crypto
