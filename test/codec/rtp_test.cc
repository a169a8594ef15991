#include "source/codec/rtp.h"

#include <doctest/doctest.h>

#include "source/codec/demux.h"
#include "test/support/hex.h"

namespace sluice {
namespace {

using test::hex;

TEST_CASE("RFC 7983: the first byte determines the kind of a datagram") {
  struct Case {
    const char* bytes;
    PacketKind kind;
  };
  for (const Case& c : {Case{"", PacketKind::kOther},
                        Case{"00 01 00 00", PacketKind::kOther},
                        Case{"0001 0000 2112a442 000000000000000000000000", PacketKind::kStun},
                        Case{"0001 0000 2112a443 000000000000000000000000", PacketKind::kOther},
                        Case{"04", PacketKind::kOther},
                        Case{"13", PacketKind::kOther},
                        Case{"14", PacketKind::kDtls},
                        Case{"3f", PacketKind::kDtls},
                        Case{"40", PacketKind::kTurnChannel},
                        Case{"4f", PacketKind::kTurnChannel},
                        Case{"7f", PacketKind::kTurnChannel},
                        Case{"80", PacketKind::kOther},
                        Case{"80 6f", PacketKind::kRtp},
                        Case{"bf 00", PacketKind::kRtp},
                        Case{"80 bf", PacketKind::kRtp},
                        Case{"80 c0", PacketKind::kRtcp},
                        Case{"80 c8", PacketKind::kRtcp},
                        Case{"80 df", PacketKind::kRtcp},
                        Case{"80 e0", PacketKind::kRtp},
                        Case{"c0 00", PacketKind::kOther}}) {
    CAPTURE(c.bytes);
    CHECK(classify(hex(c.bytes)) == c.kind);
  }
}

const auto kOneByte = hex("90 ef 1234 000003c0 deadbeef bede 0002 10 99 40 30 00 00 00 00 fc 01 02");

TEST_CASE("rtp::parse: a packet with a one-byte extension") {
  const auto packet = rtp::parse(kOneByte);
  REQUIRE(packet);
  CHECK(packet->marker);
  CHECK(packet->payload_type == 111);
  CHECK(packet->sequence == 0x1234);
  CHECK(packet->timestamp == 960);
  CHECK(packet->ssrc == 0xdeadbeef);
  CHECK(packet->csrcCount() == 0);
  REQUIRE(packet->findExtension(1));
  CHECK(rtp::readAudioLevel(*packet->findExtension(1))->level == 0x19);
  CHECK(rtp::readAudioLevel(*packet->findExtension(1))->voice);
  CHECK(asText(*packet->findExtension(4)) == "0");
  CHECK_FALSE(packet->findExtension(2));
  CHECK_FALSE(packet->findExtension(0));
  CHECK(packet->payload.size() == 3);
}

TEST_CASE("rtp::parse: a packet with CSRCs, a two-byte extension and padding") {
  const auto bytes =
      hex("b2 6f 0001 00000001 00000002 0000000a 0000000b 1000 0002 01 02 99 98 07 00 00 00 "
          "78 79 7a 00 00 03");
  const auto packet = rtp::parse(bytes);
  REQUIRE(packet);
  CHECK(packet->csrcCount() == 2);
  CHECK(packet->csrc(1) == 11);
  CHECK(packet->findExtension(1)->size() == 2);
  CHECK(packet->findExtension(7)->empty());
  CHECK(packet->padding == 3);
  CHECK(asText(packet->payload) == "xyz");
}

TEST_CASE("rtp::parse: a padding-only packet has an empty payload") {
  const auto packet = rtp::parse(hex("a0 6f 0001 00000001 00000002 00 00 00 04"));
  REQUIRE(packet);
  CHECK(packet->payload.empty());
}

TEST_CASE("rtp::parse: truncated or inconsistent packets are refused") {
  for (const char* bytes : {"40 6f 0001 00000001 00000002",            // version 1
                            "81 6f 0001 00000001 00000002",            // CSRC missing
                            "90 6f 0001 00000001 00000002 bede",       // extension header truncated
                            "90 6f 0001 00000001 00000002 bede 0001",  // extension missing
                            "a0 6f 0001 00000001 00000002",            // padding without a count
                            "a0 6f 0001 00000001 00000002 00",         // padding of zero
                            "a0 6f 0001 00000001 00000002 05"}) {      // padding longer than the packet
    CAPTURE(bytes);
    CHECK_FALSE(rtp::parse(hex(bytes)));
  }
  for (size_t size = 0; size < 24; ++size) CHECK_FALSE(rtp::parse(Bytes(kOneByte).first(size)));
}

TEST_CASE("rtp: an extension element that exceeds its block, or follows ID 15, is not found") {
  CHECK_FALSE(rtp::parse(hex("90 6f 0001 00000001 00000002 bede 0001 13 01 02 03"))->findExtension(1));
  CHECK_FALSE(rtp::parse(hex("90 6f 0001 00000001 00000002 bede 0001 f0 00 10 01"))->findExtension(1));
  CHECK_FALSE(rtp::parse(hex("90 6f 0001 00000001 00000002 1000 0001 01 05 00 00"))->findExtension(1));
  CHECK_FALSE(rtp::parse(hex("90 6f 0001 00000001 00000002 abcd 0001 10 01 00 00"))->findExtension(1));
}

TEST_CASE("rtp: a packet is parsed as it was written") {
  const uint32_t csrcs[] = {5, 6};
  const uint8_t level = rtp::writeAudioLevel({25, true});
  const rtp::ExtensionElement elements[] = {{1, Bytes(&level, 1)}, {14, asBytes("sixteen bytes ok")}};
  const rtp::Header header{.marker = true,
                           .payload_type = 96,
                           .sequence = 65535,
                           .timestamp = 0xFFFFFFFF,
                           .ssrc = 7,
                           .csrcs = csrcs,
                           .extensions = elements};
  std::vector<uint8_t> out(header.size());
  rtp::write(header, out.data());
  const auto packet = rtp::parse(out);
  REQUIRE(packet);
  CHECK(packet->marker);
  CHECK(packet->sequence == 65535);
  CHECK(packet->csrc(1) == 6);
  CHECK(asText(*packet->findExtension(14)) == "sixteen bytes ok");
  CHECK(rtp::readAudioLevel(*packet->findExtension(1))->level == 25);
}

}  // namespace
}  // namespace sluice
