#include <algorithm>

#include "test/filters/dtls_srtp/dtls_srtp_fixture.h"

namespace sluice {
namespace {

using namespace test;
using Fixture = DtlsSrtpFixture;

const std::vector<uint8_t> kDtlsGarbage{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3};

TEST_CASE("a client's media is plain inward and encrypted outward, in both DTLS roles") {
  Fixture::Options options;
  SUBCASE("the filter is the server") {
    options.role = rooms::DtlsRole::kServer;
  }
  SUBCASE("the filter is the client") {
    options.role = rooms::DtlsRole::kClient;
  }
  Fixture f(options);
  f.connect();
  REQUIRE(f.connected());
  CHECK(f.chain.counted("dtls_srtp", "handshakes", "ok") == 1);
  f.chain.ingress(f.protect(kRtp));
  f.chain.ingress(f.protect(kRtcp, true));
  REQUIRE(f.chain.inner.size() == 2);
  CHECK(f.chain.inner[0].data == kRtp);
  CHECK(f.chain.inner[1].data == kRtcp);
  f.chain.egress(kRtp);
  auto packet = f.chain.outer.back().data;
  CHECK(packet != kRtp);
  size_t size = packet.size();
  CHECK(f.srtp->unprotect(packet.data(), size) == crypto::SrtpStatus::kOk);
  packet.resize(size);
  CHECK(packet == kRtp);
}

TEST_CASE("RFC 8842 3.3: addresses that an ICE restart adds use the same association and keys") {
  Fixture f;
  f.connect();
  REQUIRE(f.connected());
  const net::Address moved = *net::Address::parse("203.0.113.9:6000");
  const size_t sent = f.chain.outer.size();
  f.chain.session.authenticate(moved);
  f.chain.session.selected = moved;
  f.chain.ingress(f.protect(kRtp), moved);
  REQUIRE(f.chain.inner.size() == 1);
  CHECK(f.chain.inner[0].data == kRtp);
  CHECK(f.chain.outer.size() == sent);  // no handshake
  f.chain.egress(kRtp);
  auto packet = f.chain.outer.back().data;
  size_t size = packet.size();
  CHECK(f.srtp->unprotect(packet.data(), size) == crypto::SrtpStatus::kOk);
  CHECK(f.chain.counted("dtls_srtp", "handshakes", "ok") == 1);
}

TEST_CASE("GCM is preferred and AES-CM is accepted") {
  Fixture gcm;
  gcm.connect();
  CHECK(gcm.client->profile() == crypto::SrtpProfile::kAeadAes128Gcm);
  Fixture cm({.client_profiles = {crypto::SrtpProfile::kAes128CmSha1_80}});
  cm.connect();
  CHECK(cm.client->profile() == crypto::SrtpProfile::kAes128CmSha1_80);
  Fixture ours({.config = "profiles: [SRTP_AES128_CM_SHA1_80, SRTP_AEAD_AES_128_GCM]"});
  ours.connect();
  CHECK(ours.client->profile() == crypto::SrtpProfile::kAes128CmSha1_80);
}

TEST_CASE("a certificate that signalling did not announce ends the session") {
  Fixture f({.right_fingerprint = false});
  f.connect();
  CHECK_FALSE(f.connected());
  CHECK(f.chain.counted("dtls_srtp", "handshakes", "wrong_fingerprint") == 1);
  CHECK(f.chain.session.closed == "wrong_fingerprint");
}

TEST_CASE("a handshake without a common profile ends the session") {
  Fixture f({.config = "profiles: SRTP_AEAD_AES_128_GCM",
             .client_profiles = {crypto::SrtpProfile::kAes128CmSha1_80}});
  f.connect();
  CHECK_FALSE(f.connected());
  CHECK(f.chain.counted("dtls_srtp", "handshakes", "no_srtp_profile") == 1);
  CHECK_FALSE(f.chain.session.closed.empty());
}

TEST_CASE("DTLS before an authenticated check is dropped") {
  Fixture f;
  f.chain.ingress(kDtlsGarbage);
  CHECK(f.drops("unexpected") == 1);
  f.client->start();
  CHECK(f.drops("unexpected") >= 2);
  CHECK(f.chain.outer.empty());
}

TEST_CASE("DTLS from an address that has not authenticated is dropped") {
  Fixture f;
  f.chain.session.authenticate(kClient);
  const uint64_t before = f.drops("unexpected");
  f.chain.ingress(kDtlsGarbage, *net::Address::parse("203.0.113.1:1"));
  CHECK(f.drops("unexpected") == before + 1);
}

TEST_CASE("invalid datagrams do not disturb a handshake or a call") {
  Fixture f;
  f.chain.session.authenticate(kClient);
  f.chain.ingress(kDtlsGarbage);
  f.connect();
  REQUIRE(f.connected());
  f.chain.ingress(kDtlsGarbage);
  CHECK(f.chain.session.closed.empty());
  f.chain.ingress(f.protect(kRtp));
  CHECK(f.chain.inner.size() == 1);
}

// A plaintext record with the next sequence number.
std::vector<uint8_t> forgedRecord(uint8_t type, const std::vector<uint8_t>& body) {
  std::vector<uint8_t> record(13 + body.size());
  record[0] = type;
  writeU16(&record[1], 0xFEFD);
  record[10] = 9;
  writeU16(&record[11], static_cast<uint16_t>(body.size()));
  std::ranges::copy(body, record.begin() + 13);
  return record;
}
std::vector<uint8_t> forgedMessage(uint8_t type, uint8_t size) {
  std::vector<uint8_t> message{type, 0, 0, size, 0, 0, 0, 0, 0, 0, 0, size};
  message.resize(12u + size, 0x5a);
  return forgedRecord(22, message);
}

TEST_CASE("forged plaintext records do not end a handshake in progress") {
  const std::vector<uint8_t> records[] = {
      forgedRecord(21, {2, 40}),    // fatal handshake_failure
      forgedRecord(21, {1, 0}),     // close_notify
      forgedRecord(23, {1, 2, 3}),  // application data
      forgedRecord(20, {1}),        // ChangeCipherSpec
      forgedMessage(0, 0),          // HelloRequest
      forgedMessage(2, 40),         // ServerHello
      forgedMessage(11, 8),         // Certificate
      forgedMessage(20, 12),        // Finished
      forgedMessage(1, 40),         // an invalid ClientHello
  };
  for (const auto& record : records) {
    CAPTURE(static_cast<int>(record[0]));
    CAPTURE(static_cast<int>(record.size() > 13 ? record[13] : 0));
    Fixture f;
    f.chain.session.authenticate(test::kClient);
    f.chain.ingress(record);
    f.chain.ingress(record);
    CHECK(f.chain.session.closed.empty());
    f.connect();
    CHECK(f.connected());
    f.chain.ingress(record);
    CHECK(f.connected());
    CHECK(f.chain.session.closed.empty());
  }
}

TEST_CASE("a handshake is restarted at a bounded rate, and only within its time limit") {
  Fixture f;
  f.chain.session.authenticate(test::kClient);
  const auto flood = [&] {
    for (int i = 0; i < 100; ++i) f.chain.ingress(forgedMessage(2, 40));
  };
  const auto advance = [&](Duration time) {
    f.clock.advance(time);
    f.worker.timers().run();
  };
  flood();
  CHECK(f.chain.session.closed.empty());
  CHECK(f.chain.counted("dtls_srtp", "handshake_restarts") == 16);
  CHECK(f.drops("unexpected") == 83);
  SUBCASE("the flood ends, and the client connects") {
    advance(100ms);
    f.connect();
    CHECK(f.connected());
  }
  SUBCASE("the flood continues, and the session ends at the time limit") {
    for (int i = 0; i < 9; ++i) {
      advance(1s);
      flood();
    }
    CHECK(f.chain.session.closed.empty());
    CHECK(f.chain.counted("dtls_srtp", "handshake_restarts") <= 10 * 16);
    advance(1s);
    CHECK(f.chain.session.closed == "dtls_failed");
    CHECK(f.chain.counted("dtls_srtp", "handshakes", "failed") == 1);
  }
}

TEST_CASE("dtls_srtp: each drop reason is caused and counted") {
  Fixture f;
  f.chain.session.authenticate(kClient);
  f.chain.ingress(kRtp);
  f.chain.egress(kRtp);
  CHECK(f.drops("not_keyed") == 2);
  f.chain.ingress(std::vector<uint8_t>{0x40, 0, 0, 0});
  f.chain.egress(kRtp, PacketKind::kOther);
  CHECK(f.drops("unexpected") == 2);
  f.connect();
  auto packet = f.protect(kRtp);
  auto damaged = packet;
  damaged.back() ^= 1;
  f.chain.ingress(damaged);
  CHECK(f.drops("auth_failed") == 1);
  f.chain.ingress(packet);
  f.chain.ingress(packet);
  CHECK(f.drops("replayed") == 1);
  f.chain.ingress(std::vector<uint8_t>{0x80, 111, 0});
  CHECK(f.drops("malformed") == 1);
  CHECK(f.chain.inner.size() == 1);
}

TEST_CASE(
    "a microphone is received after reports under an SSRC for each of 64 media sections, and after "
    "1,000 other SSRCs") {
  Fixture f;
  f.connect();
  for (uint16_t ssrc = 1; ssrc <= 1000; ++ssrc) {
    auto packet = kRtp;
    writeU16(&packet[10], ssrc);
    f.chain.ingress(f.protect(packet));
  }
  CHECK(f.chain.inner.size() == 1000);
  CHECK(f.drops("too_many_ssrcs") == 0);
}

TEST_CASE("a session sends under 1,024 SSRCs, and counts drops of further ones") {
  Fixture f;
  f.connect();
  f.chain.outer.clear();
  for (uint16_t ssrc = 1; ssrc <= crypto::kMaxOutboundSsrcs + 1; ++ssrc) {
    auto packet = kRtp;
    writeU16(&packet[10], ssrc);
    f.chain.egress(packet);
  }
  CHECK(f.chain.outer.size() == crypto::kMaxOutboundSsrcs);
  CHECK(f.drops("too_many_ssrcs") == 1);
}

TEST_CASE("a packet without room for the trailer is dropped") {
  Fixture f;
  f.connect();
  f.chain.egress(std::vector<uint8_t>(net::Packet::kMaxPayload + 20, 0x80));
  CHECK(f.drops("too_long") == 1);
}

TEST_CASE("a number is used for one packet only, which may be retransmitted") {
  Fixture f;
  f.connect();
  std::vector<uint8_t> packet(40, 0x80);
  for (int i = 0; i < 2; ++i) f.chain.egress(packet);
  CHECK(f.drops("number_used") == 0);
  packet.back() ^= 1;
  f.chain.egress(packet);
  CHECK(f.drops("number_used") == 1);
}

TEST_CASE("a handshake that does not finish ends the session") {
  Fixture f({.config = "handshake_timeout_s: 2"});
  f.chain.session.authenticate(kClient);
  for (int i = 0; i < 3; ++i) {
    f.clock.advance(1s);
    f.worker.timers().run();
  }
  CHECK(f.chain.session.closed == "handshake_timeout");
  CHECK(f.chain.counted("dtls_srtp", "handshakes", "timeout") == 1);
}

TEST_CASE("close_notify is sent and received") {
  Fixture f;
  f.connect();
  SUBCASE("by the filter") {
    f.chain.closeChain();
    f.exchange();
    CHECK(f.client->state() == crypto::DtlsConnection::State::kClosed);
    CHECK_FALSE(f.connected());
  }
  SUBCASE("by the client") {
    f.client->close();
    CHECK(f.chain.session.closed == "closed_by_peer");
  }
}

TEST_CASE("a reload keeps the keys") {
  Fixture f;
  f.connect();
  f.chain.reload({{dtls_srtp::filterType(), "retransmit_ms: 300"}});
  f.chain.ingress(f.protect(kRtp));
  CHECK(f.chain.inner.size() == 1);
}

TEST_CASE("a handshake without a free packet buffer is counted") {
  Fixture f;
  f.chain.session.authenticate(kClient);
  std::vector<net::PacketPtr> taken;
  while (taken.size() < 4095) taken.push_back(f.worker.pool().acquire());
  f.client->start();
  CHECK(f.drops("no_packet") >= 1);
  for (auto& packet : taken) packet->settle();
}

}  // namespace
}  // namespace sluice
