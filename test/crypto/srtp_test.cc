#include "source/crypto/srtp.h"

#include <doctest/doctest.h>

#include <vector>

#include "source/base/bytes.h"

namespace sluice::crypto {
namespace {

constexpr SrtpProfile kProfiles[] = {SrtpProfile::kAeadAes128Gcm, SrtpProfile::kAes128CmSha1_80};

std::vector<uint8_t> rtpPacket(uint16_t sequence, uint32_t ssrc = 0x1234, size_t payload = 160) {
  std::vector<uint8_t> packet(12 + payload, 0x55);
  packet[0] = 0x80;
  packet[1] = 111;
  writeU16(&packet[2], sequence);
  writeU32(&packet[4], 960u * sequence);
  writeU32(&packet[8], ssrc);
  return packet;
}

// Two sessions with each other's keys.
struct Pair {
  explicit Pair(SrtpProfile profile = SrtpProfile::kAeadAes128Gcm) {
    SrtpKeys keys;
    keys.profile = profile;
    for (size_t i = 0; i < keys.local.size(); ++i) {
      keys.local[i] = static_cast<uint8_t>(i);
      keys.remote[i] = static_cast<uint8_t>(100 + i);
    }
    auto made = SrtpSession::make(keys);
    REQUIRE(made.ok());
    alice = *std::move(made);
    std::swap(keys.local, keys.remote);
    made = SrtpSession::make(keys);
    REQUIRE(made.ok());
    bob = *std::move(made);
  }

  std::vector<uint8_t> protect(std::vector<uint8_t> packet, bool rtcp = false) {
    size_t size = packet.size();
    packet.resize(size + kSrtpTailroom);
    const auto status = rtcp ? alice->protectRtcp(packet.data(), size) : alice->protect(packet.data(), size);
    REQUIRE(status == SrtpStatus::kOk);
    packet.resize(size);
    return packet;
  }
  SrtpStatus unprotect(std::vector<uint8_t> packet, bool rtcp = false) {
    size_t size = packet.size();
    const auto status = rtcp ? bob->unprotectRtcp(packet.data(), size) : bob->unprotect(packet.data(), size);
    packet.resize(size);
    plain = packet;
    return status;
  }

  std::unique_ptr<SrtpSession> alice;
  std::unique_ptr<SrtpSession> bob;
  std::vector<uint8_t> plain;  // the result of the last unprotect()
};

TEST_CASE("RTP and RTCP are encrypted and decrypted without change, with both profiles") {
  for (const SrtpProfile profile : kProfiles) {
    CAPTURE(static_cast<int>(profile));
    Pair pair(profile);
    const auto rtp = rtpPacket(1);
    const auto wire = pair.protect(rtp);
    CHECK(wire.size() > rtp.size());
    CHECK(std::vector(wire.begin(), wire.begin() + 12) == std::vector(rtp.begin(), rtp.begin() + 12));
    CHECK(std::vector(wire.begin() + 12, wire.begin() + 172) != std::vector(rtp.begin() + 12, rtp.end()));
    CHECK(pair.unprotect(wire) == SrtpStatus::kOk);
    CHECK(pair.plain == rtp);

    const std::vector<uint8_t> rtcp{0x80, 201, 0, 2, 0, 0, 0x12, 0x34, 1, 2, 3, 4};
    CHECK(pair.unprotect(pair.protect(rtcp, true), true) == SrtpStatus::kOk);
    CHECK(pair.plain == rtcp);
  }
}

TEST_CASE("a single wrong bit anywhere fails authentication, and the right packet still passes") {
  for (const SrtpProfile profile : kProfiles) {
    CAPTURE(static_cast<int>(profile));
    Pair pair(profile);
    const auto wire = pair.protect(rtpPacket(1, 0x1234, 20));
    for (size_t bit = 0; bit < 8 * wire.size(); ++bit) {
      auto damaged = wire;
      damaged[bit / 8] = static_cast<uint8_t>(damaged[bit / 8] ^ 1 << bit % 8);
      CHECK(pair.unprotect(damaged) != SrtpStatus::kOk);
    }
    CHECK(pair.unprotect(wire) == SrtpStatus::kOk);
  }
}

TEST_CASE("a packet passes once; a packet older than the window does not pass") {
  Pair pair;
  const auto first = pair.protect(rtpPacket(1));
  const auto second = pair.protect(rtpPacket(2));
  CHECK(pair.unprotect(second) == SrtpStatus::kOk);
  CHECK(pair.unprotect(first) == SrtpStatus::kOk);
  CHECK(pair.unprotect(first) == SrtpStatus::kReplayed);
  CHECK(pair.unprotect(second) == SrtpStatus::kReplayed);
  const auto late = pair.protect(rtpPacket(3));
  CHECK(pair.unprotect(pair.protect(rtpPacket(2000))) == SrtpStatus::kOk);
  CHECK(pair.unprotect(late) == SrtpStatus::kReplayed);
}

TEST_CASE("the rollover counter follows the sequence number over wrap-around, with reordering too") {
  for (const SrtpProfile profile : kProfiles) {
    CAPTURE(static_cast<int>(profile));
    Pair pair(profile);
    std::vector<std::vector<uint8_t>> wire;
    for (uint32_t i = 0xFFFE; i <= 0x10001; ++i)
      wire.push_back(pair.protect(rtpPacket(static_cast<uint16_t>(i))));
    for (const size_t i : {0u, 2u, 1u, 3u}) CHECK(pair.unprotect(wire[i]) == SrtpStatus::kOk);
    CHECK(readU16(&pair.plain[2]) == 1);
  }
}

TEST_CASE("SrtpSession: a stream that began before the wrap with lost packets is decrypted") {
  for (const SrtpProfile profile : kProfiles) {
    for (const bool rtcp_first : {false, true}) {
      CAPTURE(static_cast<int>(profile));
      CAPTURE(rtcp_first);
      Pair pair(profile);
      const std::vector<uint8_t> rtcp{0x80, 201, 0, 2, 0, 0, 0x12, 0x34, 1, 2, 3, 4};
      if (rtcp_first) CHECK(pair.unprotect(pair.protect(rtcp, true), true) == SrtpStatus::kOk);
      pair.protect(rtpPacket(65'534));  // lost
      const auto late = pair.protect(rtpPacket(65'535));
      auto forged = pair.protect(rtpPacket(0));
      const auto first = forged;
      forged.back() ^= 1;
      CHECK(pair.unprotect(forged) == SrtpStatus::kAuthFailed);
      CHECK(pair.unprotect(first) == SrtpStatus::kOk);
      CHECK(pair.plain == rtpPacket(0));
      CHECK(pair.unprotect(first) == SrtpStatus::kReplayed);
      CHECK(pair.unprotect(pair.protect(rtpPacket(1))) == SrtpStatus::kOk);
      CHECK(pair.unprotect(late) == SrtpStatus::kOk);
      CHECK(pair.unprotect(pair.protect(rtcp, true), true) == SrtpStatus::kOk);
    }
  }
}

TEST_CASE("SrtpSession: forged first packets cause only a few attempts with a wrapped counter") {
  Pair pair;
  pair.protect(rtpPacket(65'535));  // lost
  const auto first = pair.protect(rtpPacket(0));
  for (uint32_t i = 0; i < 1'000; ++i) {
    auto forged = first;
    writeU32(&forged[8], 0x10000 + i);
    CHECK(pair.unprotect(forged) == SrtpStatus::kAuthFailed);
  }
  CHECK(pair.unprotect(first) == SrtpStatus::kAuthFailed);  // the cost
  pair.protect(rtpPacket(1));
  CHECK(pair.unprotect(pair.protect(rtpPacket(7, 0x4321))) == SrtpStatus::kOk);
}

TEST_CASE("SrtpSession: a stream that begins at 0 is not mistaken for one that wrapped") {
  Pair pair;
  auto forged = pair.protect(rtpPacket(0));
  const auto first = forged;
  forged.back() ^= 1;
  CHECK(pair.unprotect(forged) == SrtpStatus::kAuthFailed);
  CHECK(pair.unprotect(first) == SrtpStatus::kOk);
  for (const uint16_t sequence : {1, 2, 500, 2'000}) {
    CHECK(pair.unprotect(pair.protect(rtpPacket(sequence))) == SrtpStatus::kOk);
  }
}

TEST_CASE("SrtpSession: an inbound SSRC above the limit replaces the least recently used one") {
  Pair pair;
  std::vector<std::vector<uint8_t>> first;
  for (uint32_t ssrc = 1; ssrc <= kMaxInboundSsrcs; ++ssrc) {
    first.push_back(pair.protect(rtpPacket(1, ssrc)));
    CHECK(pair.unprotect(first.back()) == SrtpStatus::kOk);
  }
  CHECK(pair.unprotect(pair.protect(rtpPacket(2, 1))) == SrtpStatus::kOk);
  CHECK(pair.unprotect(pair.protect({0x80, 201, 0, 1, 0, 0, 0x10, 0}, true), true) == SrtpStatus::kOk);
  CHECK(pair.unprotect(first[0]) == SrtpStatus::kReplayed);
  CHECK(pair.unprotect(first[2]) == SrtpStatus::kReplayed);
  CHECK(pair.unprotect(first[1]) == SrtpStatus::kOk);  // SSRC 2 was forgotten
}

TEST_CASE("SrtpSession: forged packets of other SSRCs evict no SSRC") {
  Pair pair;
  const auto voice = pair.protect(rtpPacket(1, 7));
  CHECK(pair.unprotect(voice) == SrtpStatus::kOk);
  auto forged = pair.protect(rtpPacket(1, 999));
  forged.back() ^= 1;
  for (uint32_t ssrc = 1000; ssrc < 1000 + 2 * kMaxInboundSsrcs; ++ssrc) {
    writeU32(&forged[8], ssrc);
    CHECK(pair.unprotect(forged) == SrtpStatus::kAuthFailed);
  }
  CHECK(pair.unprotect(voice) == SrtpStatus::kReplayed);
}

TEST_CASE("packets that are too short are malformed, in all four directions") {
  Pair pair;
  std::vector<uint8_t> buffer(12 + kSrtpTailroom, 0x80);
  for (size_t length = 0; length < 12; ++length) {
    size_t size = length;
    CHECK(pair.alice->protect(buffer.data(), size) == SrtpStatus::kMalformed);
    CHECK(pair.bob->unprotect(buffer.data(), size) == SrtpStatus::kMalformed);
    if (length >= 8) continue;
    CHECK(pair.alice->protectRtcp(buffer.data(), size) == SrtpStatus::kMalformed);
    CHECK(pair.bob->unprotectRtcp(buffer.data(), size) == SrtpStatus::kMalformed);
  }
  const auto wire = pair.protect(rtpPacket(1, 7, 20));
  for (size_t length = 12; length < wire.size(); ++length) {
    CHECK(pair.unprotect({wire.begin(), wire.begin() + static_cast<ptrdiff_t>(length)}) != SrtpStatus::kOk);
  }
}

TEST_CASE("another process continues the session with its rollover counter, replay windows and RTCP index") {
  for (const SrtpProfile profile : kProfiles) {
    CAPTURE(static_cast<int>(profile));
    Pair pair(profile);
    const auto move = [](std::unique_ptr<SrtpSession>& session) {
      Descriptors none;
      Archive out(none);
      session->save(out);
      const std::string saved = out.takeBytes();
      Archive in(asBytes(saved), none);
      session = SrtpSession::load(in);
      REQUIRE(session != nullptr);
      CHECK(in.atEnd());
    };
    const std::vector<uint8_t> rtcp{0x80, 201, 0, 2, 0, 0, 0x12, 0x34, 1, 2, 3, 4};
    for (unsigned i = 65'000; i < 66'000; ++i) {  // over the wrap, so that the rollover counter is 1
      REQUIRE(pair.unprotect(pair.protect(rtpPacket(static_cast<uint16_t>(i)))) == SrtpStatus::kOk);
    }
    const auto overtaken = pair.protect(rtpPacket(464));  // on the line during the handover
    const auto seen = pair.protect(rtpPacket(465));
    const auto seen_rtcp = pair.protect(rtcp, true);
    CHECK(pair.unprotect(seen) == SrtpStatus::kOk);
    CHECK(pair.unprotect(seen_rtcp, true) == SrtpStatus::kOk);
    move(pair.alice);
    move(pair.bob);
    CHECK(pair.unprotect(seen) == SrtpStatus::kReplayed);
    CHECK(pair.unprotect(seen_rtcp, true) == SrtpStatus::kReplayed);
    CHECK(pair.unprotect(overtaken) == SrtpStatus::kOk);
    CHECK(pair.unprotect(pair.protect(rtpPacket(466))) == SrtpStatus::kOk);
    const auto next_rtcp = pair.protect(rtcp, true);
    CHECK(next_rtcp != seen_rtcp);  // under another index
    CHECK(pair.unprotect(next_rtcp, true) == SrtpStatus::kOk);

    // A used number, for another packet: that would use a keystream twice.
    auto again = rtpPacket(465, 0x1234, 100);
    size_t size = again.size();
    again.resize(size + kSrtpTailroom);
    CHECK(pair.alice->protect(again.data(), size) == SrtpStatus::kNumberUsed);
  }
}

TEST_CASE("a truncated saved session is refused, wherever it is truncated") {
  Pair pair;
  CHECK(pair.unprotect(pair.protect(rtpPacket(1))) == SrtpStatus::kOk);
  Descriptors none;
  Archive out(none);
  pair.bob->save(out);
  const std::string saved = out.takeBytes();
  for (size_t size = 0; size < saved.size(); ++size) {
    Archive in(asBytes(saved).first(size), none);
    CHECK(SrtpSession::load(in) == nullptr);
  }
}

}  // namespace
}  // namespace sluice::crypto
