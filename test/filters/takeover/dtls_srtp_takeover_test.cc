// dtls_srtp in another process: keys, and every number that was used or seen.
#include "test/filters/dtls_srtp/dtls_srtp_fixture.h"
#include "test/filters/takeover/takeover.h"

namespace sluice {
namespace {

using namespace test;
using Fixture = DtlsSrtpFixture;

std::vector<uint8_t> voice(uint16_t sequence, uint32_t ssrc = 2) {
  std::vector<uint8_t> packet = kRtp;
  writeU16(&packet[2], sequence);
  writeU32(&packet[8], ssrc);
  return packet;
}

struct Next {
  explicit Next(Fixture& before) : worker(before.clock) {}
  std::unique_ptr<ChainHarness> make() {
    return std::make_unique<ChainHarness>(worker, std::vector<FilterConfig>{{dtls_srtp::filterType(), ""}});
  }
  test::FakeWorker worker;
  std::unique_ptr<ChainHarness> owned = make();
  ChainHarness& chain = *owned;
};

// Decrypts a packet that the chain sent, as the client does.
std::vector<uint8_t> opened(Fixture& f, const Captured& captured) {
  std::vector<uint8_t> packet = captured.data;
  size_t size = packet.size();
  CHECK(f.srtp->unprotect(packet.data(), size) == crypto::SrtpStatus::kOk);
  packet.resize(size);
  return packet;
}

TEST_CASE("a connected client continues in both directions without another handshake, with both profiles") {
  Fixture::Options options;
  SUBCASE("GCM") {}
  SUBCASE("AES-CM") {
    options.client_profiles = {crypto::SrtpProfile::kAes128CmSha1_80};
  }
  Fixture f(options);
  f.connect();
  f.chain.ingress(f.protect(voice(1)));
  f.chain.egress(voice(1, 9));
  CHECK(opened(f, f.chain.outer.back()) == voice(1, 9));
  Next next(f);
  checkCuts(f.chain.save(), [&] { return next.make(); });
  CHECK(next.chain.takeOver(f.chain) == "");
  next.chain.ingress(f.protect(voice(2)));
  next.chain.ingress(f.protect(kRtcp, true));
  REQUIRE(next.chain.inner.size() == 2);
  CHECK(next.chain.inner[0].data == voice(2));
  next.chain.egress(voice(2, 9));
  CHECK(opened(f, next.chain.outer.back()) == voice(2, 9));
  CHECK(next.chain.outer.size() == 1);  // no DTLS
}

TEST_CASE("packets received before the takeover are replays after it") {
  Fixture f;
  f.connect();
  const auto first = f.protect(voice(1)), report = f.protect(kRtcp, true);
  f.chain.ingress(first);
  f.chain.ingress(report);
  Next next(f);
  CHECK(next.chain.takeOver(f.chain) == "");
  next.chain.ingress(first);
  next.chain.ingress(report);
  CHECK(next.chain.inner.empty());
  CHECK(next.chain.dropped("dtls_srtp", "replayed") == 2);
}

TEST_CASE("no number encrypts two packets, not even the same packet again") {
  Fixture f;
  f.connect();
  for (uint16_t sequence = 1; sequence <= 3; ++sequence) f.chain.egress(voice(sequence, 9));
  Next next(f);
  CHECK(next.chain.takeOver(f.chain) == "");
  auto other = voice(3, 9);
  other.back() ^= 1;
  next.chain.egress(other);
  next.chain.egress(voice(3, 9));
  CHECK(next.chain.outer.empty());
  CHECK(next.chain.dropped("dtls_srtp", "number_used") == 2);
  next.chain.egress(voice(4, 9));
  CHECK(opened(f, next.chain.outer.back()) == voice(4, 9));
}

TEST_CASE("numbers that have wrapped around stay wrapped, in both directions") {
  Fixture f;
  f.connect();
  for (const uint16_t sequence : {0xFFFE, 0xFFFF, 0, 1}) {
    f.chain.ingress(f.protect(voice(sequence)));
    f.chain.egress(voice(sequence, 9));
    opened(f, f.chain.outer.back());
  }
  Next next(f);
  CHECK(next.chain.takeOver(f.chain) == "");
  next.chain.ingress(f.protect(voice(2)));
  CHECK(next.chain.inner.size() == 1);
  next.chain.egress(voice(2, 9));
  CHECK(opened(f, next.chain.outer.back()) == voice(2, 9));
}

TEST_CASE(
    "a client that has not begun a handshake may begin it in the new process; a handshake in progress cannot "
    "continue") {
  Fixture f;
  Next next(f);
  SUBCASE("not begun") {
    CHECK(next.chain.takeOver(f.chain) == "");
  }
  SUBCASE("in progress") {
    f.chain.session.authenticate(kClient);
    f.client->start();
    CHECK(f.chain.save().lost == "dtls_srtp");
    f.exchange();  // it continues in the old process
    CHECK(f.connected());
    CHECK(f.chain.save().lost == "");
  }
}

TEST_CASE("the old process uses no more numbers") {
  Fixture f;
  f.connect();
  Next next(f);
  CHECK(next.chain.takeOver(f.chain) == "");
  const size_t sent = f.chain.outer.size();
  f.chain.egress(voice(3, 9));
  f.chain.egress(kRtcp, PacketKind::kRtcp);
  CHECK(f.chain.outer.size() == sent);
  CHECK(f.chain.dropped("dtls_srtp", "handed_over") == 2);
}

TEST_CASE("the old process sends no close_notify") {
  Fixture f;
  f.connect();
  Next next(f);
  CHECK(next.chain.takeOver(f.chain) == "");
  const size_t sent = f.chain.outer.size();
  f.chain.closeChain();
  CHECK(f.chain.outer.size() == sent);
}

}  // namespace
}  // namespace sluice
