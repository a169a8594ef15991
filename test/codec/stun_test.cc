#include "source/codec/stun.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "source/codec/stun_writer.h"
#include "source/codec/unknown_attributes.h"
#include "source/crypto/hmac.h"
#include "test/support/hex.h"

namespace sluice {
namespace {

using test::hex;

constexpr const char* kPassword = "VOkJxbRl1RmTxUk/WvJxBt";
constexpr const char* kMatrixUser =
    "\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf\xe3\x82\xb9";

// RFC 5769.
const auto kRequest =
    hex("00 01 00 58 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae 80 22 00 10 53 54 55 4e 20 74 65 73 74 "
        "20 63 6c 69 65 "
        "6e 74 00 24 00 04 6e 00 01 ff 80 29 00 08 93 2f f9 b1 51 26 3b 36 00 06 00 09 65 76 74 6a 3a 68 36 "
        "76 59 20 20 20 "
        "00 08 00 14 9a ea a7 0c bf d8 cb 56 78 1e f2 b5 b2 d3 f2 49 c1 b5 71 a2 80 28 00 04 e5 7a 3b cf");
const auto kIpv4Response =
    hex("01 01 00 3c 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae 80 22 00 0b 74 65 73 74 20 76 65 63 74 "
        "6f 72 20 00 20 "
        "00 08 00 01 a1 47 e1 12 a6 43 00 08 00 14 2b 91 f5 99 fd 9e 90 c3 8c 74 89 f9 2a f9 ba 53 f0 6b e7 "
        "d7 80 28 00 04 "
        "c0 7d 4c 96");
const auto kIpv6Response =
    hex("01 01 00 48 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae 80 22 00 0b 74 65 73 74 20 76 65 63 74 "
        "6f 72 20 00 20 "
        "00 14 00 02 a1 47 01 13 a9 fa a5 d3 f1 79 bc 25 f4 b5 be d2 b9 d9 00 08 00 14 a3 82 95 4e 4b e6 7b "
        "f1 17 84 c9 7c "
        "82 92 c2 75 bf e3 ed 41 80 28 00 04 c8 fb 0b 4c");
const auto kLongTermRequest =
    hex("00 01 00 60 21 12 a4 42 78 ad 34 33 c6 ad 72 c0 29 da 41 2e 00 06 00 12 e3 83 9e e3 83 88 e3 83 aa "
        "e3 83 83 e3 82 "
        "af e3 82 b9 00 00 00 15 00 1c 66 2f 2f 34 39 39 6b 39 35 34 64 36 4f 4c 33 34 6f 4c 39 46 53 54 76 "
        "79 36 34 73 41 "
        "00 14 00 0b 65 78 61 6d 70 6c 65 2e 6f 72 67 00 00 08 00 14 f6 70 24 65 6d d6 4a 3e 02 b8 e0 71 2e "
        "85 c9 a2 8c a8 "
        "96 66");
// RFC 8489 appendix B.1.
const auto kSha256Request =
    hex("00 01 00 9c 21 12 a4 42 78 ad 34 33 c6 ad 72 c0 29 da 41 2e 00 1e 00 20 4a 3c f3 8f ef 69 92 bd a9 "
        "52 c6 78 04 17 "
        "da 0f 24 81 94 15 56 9e 60 b2 05 c4 6e 41 40 7f 17 04 00 15 00 29 6f 62 4d 61 74 4a 6f 73 32 41 41 "
        "41 43 66 2f 2f "
        "34 39 39 6b 39 35 34 64 36 4f 4c 33 34 6f 4c 39 46 53 54 76 79 36 34 73 41 00 00 00 00 14 00 0b 65 "
        "78 61 6d 70 6c "
        "65 2e 6f 72 67 00 00 1c 00 20 e4 68 6c 8f 0e de b5 90 13 e0 70 90 01 0a 93 ef cc bc cc 54 4c 0a 45 "
        "d9 f8 30 aa 6d "
        "6f 73 5a 01");

std::array<uint8_t, 16> longTermKey() {
  return crypto::md5(asBytes(std::string(kMatrixUser) + ":example.org:TheMatrIX"));
}

TEST_CASE("RFC 5769 2.1: a request with short-term credentials") {
  const auto message = stun::parse(kRequest);
  REQUIRE(message);
  CHECK(message->kind == stun::Class::kRequest);
  CHECK(message->method == stun::kBinding);
  CHECK(message->username() == "evtj:h6vY");
  CHECK(stun::localUfrag(*message) == "evtj");
  CHECK(asText(*message->find(stun::kSoftware)) == "STUN test client");
  CHECK(message->priority() == 0x6e0001ffu);
  CHECK(message->checkIntegrity(asBytes(kPassword), crypto::hmacSha1));
  CHECK_FALSE(message->checkIntegrity(asBytes("wrong"), crypto::hmacSha1));
  CHECK(message->checkFingerprint());
}

TEST_CASE("RFC 5769 2.2 and 2.3: responses with an IPv4 and an IPv6 address") {
  const auto v4 = stun::parse(kIpv4Response);
  const auto v6 = stun::parse(kIpv6Response);
  REQUIRE(v4);
  REQUIRE(v6);
  for (const auto& message : {*v4, *v6}) {
    CHECK(message.kind == stun::Class::kSuccess);
    CHECK(message.checkIntegrity(asBytes(kPassword), crypto::hmacSha1));
    CHECK(message.checkFingerprint());
    CHECK(message.xorAddress(stun::kXorMappedAddress)->port == 32853);
  }
  const auto ip4 = v4->xorAddress(stun::kXorMappedAddress)->ip;
  CHECK(std::equal(ip4.begin(), ip4.begin() + 4, hex("c0 00 02 01").begin()));
  const auto ip6 = v6->xorAddress(stun::kXorMappedAddress)->ip;
  CHECK(std::equal(ip6.begin(), ip6.end(), hex("2001 0db8 1234 5678 0011 2233 4455 6677").begin()));
}

TEST_CASE("RFC 5769 2.4: a request with long-term credentials") {
  const auto sha1 = stun::parse(kLongTermRequest);
  REQUIRE(sha1);
  CHECK(sha1->checkIntegrity(longTermKey(), crypto::hmacSha1));
}

TEST_CASE("RFC 8489 B.1: the key and the HMAC of the SHA-256 vector") {
  // The RFC's length field includes the header, so it is not a well-formed message: the HMAC is over the
  // bytes as printed.
  CHECK_FALSE(stun::parse(kSha256Request));
  const auto key = crypto::sha256(asBytes(std::string(kMatrixUser) + ":example.org:TheMatrIX"));
  std::array<uint8_t, 32> mac;
  crypto::hmacSha256(key, Bytes(kSha256Request).first(120), mac.data());
  CHECK(std::equal(mac.begin(), mac.end(), kSha256Request.end() - 32));
  const auto userhash = crypto::sha256(asBytes(std::string(kMatrixUser) + ":example.org"));
  CHECK(std::equal(userhash.begin(), userhash.end(), kSha256Request.begin() + 24));
}

TEST_CASE("MESSAGE-INTEGRITY-SHA256 is written and checked") {
  std::vector<uint8_t> buffer(200);
  stun::Writer writer(buffer, stun::kBinding, stun::Class::kRequest, {1});
  writer.add(stun::kUsername, "a:b");
  writer.addIntegritySha256(asBytes("key"), crypto::hmacSha256);
  buffer.resize(*writer.finish());
  CHECK(stun::parse(buffer)->checkIntegritySha256(asBytes("key"), crypto::hmacSha256));
  CHECK_FALSE(stun::parse(buffer)->checkIntegritySha256(asBytes("kez"), crypto::hmacSha256));
  auto damaged = buffer;
  damaged[25] ^= 1;
  CHECK_FALSE(stun::parse(damaged)->checkIntegritySha256(asBytes("key"), crypto::hmacSha256));
}

TEST_CASE("stun::parse: every truncation of a message is refused") {
  for (size_t size = 0; size < kRequest.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(stun::parse(Bytes(kRequest).first(size)));
  }
}

TEST_CASE("stun::parse: messages that are not well-formed are refused") {
  auto wrong_cookie = kRequest;
  wrong_cookie[4] ^= 1;
  CHECK_FALSE(stun::parse(wrong_cookie));
  auto high_bits = kRequest;
  high_bits[0] |= 0x40;
  CHECK_FALSE(stun::parse(high_bits));
  auto odd = kRequest;
  odd[3] = 0x59;
  odd.push_back(0);
  CHECK_FALSE(stun::parse(odd));
  auto overlong = kRequest;
  overlong[23] = 0xF0;  // the first attribute's length
  CHECK_FALSE(stun::parse(overlong));
}

TEST_CASE("RFC 8489 14.5: attributes after MESSAGE-INTEGRITY are ignored") {
  std::vector<uint8_t> buffer(200);
  stun::Writer writer(buffer, stun::kBinding, stun::Class::kRequest, {1});
  writer.add(stun::kUsername, "a:b");
  writer.addIntegrity(asBytes("key"), crypto::hmacSha1);
  writer.addU32(stun::kPriority, 7);
  writer.addFingerprint();
  const auto message = stun::parse(Bytes(buffer).first(*writer.finish()));
  REQUIRE(message);
  CHECK(message->has(stun::kUsername));
  CHECK_FALSE(message->has(stun::kPriority));
  CHECK(message->has(stun::kFingerprint));
  CHECK(message->checkIntegrity(asBytes("key"), crypto::hmacSha1));
  CHECK(message->checkFingerprint());
}

TEST_CASE("stun: a corrupted bit anywhere fails the fingerprint or the parser") {
  for (size_t i = 0; i < kRequest.size(); ++i) {
    auto damaged = kRequest;
    damaged[i] ^= 4;
    const auto message = stun::parse(damaged);
    const bool noticed = !message || !message->checkFingerprint() || !message->has(stun::kFingerprint);
    CAPTURE(i);
    CHECK(noticed);
  }
}

TEST_CASE("stun: methods and classes are encoded and decoded without change") {
  for (const uint16_t method : {stun::kBinding, stun::kAllocate, stun::kChannelBind, uint16_t{0xFFF}}) {
    for (const auto kind :
         {stun::Class::kRequest, stun::Class::kIndication, stun::Class::kSuccess, stun::Class::kError}) {
      std::vector<uint8_t> buffer(20);
      stun::Writer(buffer, method, kind, {1});
      const auto message = stun::parse(buffer);
      REQUIRE(message);
      CHECK(message->method == method);
      CHECK(message->kind == kind);
    }
  }
}

TEST_CASE("stun::Writer: attributes that do not fit are not written") {
  std::vector<uint8_t> buffer(40);
  stun::Writer writer(buffer, stun::kBinding, stun::Class::kError, {1});
  writer.addError(stun::ErrorCode::kUnauthorized);
  CHECK(writer.finish() == 40u);
  CHECK(stun::parse(buffer)->errorCode() == 401);
  writer.addU32(stun::kPriority, 1);
  CHECK_FALSE(writer.finish());
  CHECK_FALSE(
      stun::Writer(MutableBytes(buffer).first(19), stun::kBinding, stun::Class::kError, {1}).finish());
}

TEST_CASE("stun::kAttributes: each type is listed once, in ascending order, and found by its type") {
  for (size_t i = 0; i < stun::kAttributeCount; ++i) {
    const stun::AttributeSpec& attribute = stun::kAttributes[i];
    CAPTURE(attribute.name);
    if (i > 0) CHECK(stun::kAttributes[i - 1].type < attribute.type);
    CHECK(stun::attributeIndex(attribute.type) == i);
    CHECK(stun::findAttribute(attribute.type) == &attribute);
  }
  size_t found = 0;
  for (uint32_t type = 0; type <= 0xFFFF; ++type) {
    found += stun::findAttribute(static_cast<uint16_t>(type)) != nullptr;
  }
  CHECK(found == stun::kAttributeCount);
}

TEST_CASE("stun::kErrors: each code has one reason phrase, in ascending order") {
  for (size_t i = 0; i < std::size(stun::kErrors); ++i) {
    CHECK_FALSE(stun::kErrors[i].reason.empty());
    CHECK(stun::reasonOf(stun::kErrors[i].code) == stun::kErrors[i].reason);
    if (i > 0) CHECK(stun::kErrors[i - 1].code < stun::kErrors[i].code);
  }
  CHECK(stun::reasonOf(stun::ErrorCode{499}).empty());
}

// A message with these attributes.
std::vector<uint8_t> messageWith(const std::function<void(stun::Writer&)>& fill) {
  std::vector<uint8_t> buffer(stun::kMaxMessage);
  stun::Writer writer(buffer, stun::kAllocate, stun::Class::kRequest, {1});
  fill(writer);
  buffer.resize(writer.finish().value());
  return buffer;
}

TEST_CASE("RFC 8489 14: the first of two attributes of a type counts, whether the type is known or not") {
  for (const uint16_t type : {stun::kPriority, uint16_t{0x7001}}) {
    const auto bytes = messageWith([&](stun::Writer& writer) {
      writer.addU32(0x7002, 0);
      writer.addU32(type, 1);
      writer.addU32(type, 2);
    });
    const auto message = stun::parse(bytes);
    REQUIRE(message);
    CAPTURE(type);
    CHECK(message->findU32(type) == 1u);
  }
}

TEST_CASE(
    "RFC 8489 14.5: MESSAGE-INTEGRITY-SHA256 may follow MESSAGE-INTEGRITY, nothing follows FINGERPRINT") {
  const auto bytes = messageWith([](stun::Writer& writer) {
    writer.addIntegrity(asBytes("key"), crypto::hmacSha1);
    writer.addIntegritySha256(asBytes("key"), crypto::hmacSha256);
    writer.add(stun::kUsername, "late");
    writer.addFingerprint();
    writer.addIntegrity(asBytes("key"), crypto::hmacSha1);
    writer.addU32(0x7001, 1);
  });
  const auto message = stun::parse(bytes);
  REQUIRE(message);
  std::vector<uint16_t> counted;
  message->forEach([&](uint16_t type, Bytes) { counted.push_back(type); });
  CHECK(counted == std::vector{stun::kMessageIntegrity, stun::kMessageIntegritySha256, stun::kFingerprint});
  CHECK_FALSE(message->username());
  CHECK_FALSE(message->has(0x7001));
  CHECK(message->checkIntegrity(asBytes("key"), crypto::hmacSha1));
  CHECK(message->checkAnyIntegrity(asBytes("key"), crypto::hmacSha1, crypto::hmacSha256));
  CHECK_FALSE(message->checkFingerprint());  // it must be the last attribute
}

TEST_CASE("stun::Message: the accessors decode well-formed values") {
  const auto bytes = messageWith([](stun::Writer& writer) {
    writer.add(stun::kRealm, "example.org");
    writer.add(stun::kNonce, "nonce");
    writer.addU32(stun::kPasswordAlgorithm, 2u << 16);
    writer.addU32(stun::kChangeRequest, 6);
    writer.addU32(stun::kResponsePort, 4000u << 16);
    writer.addU32(stun::kChannelNumber, 0x4001FFFF);
    writer.addU32(stun::kLifetime, 600);
    writer.addU32(stun::kRequestedTransport, 0x11FFFFFF);
    writer.addU32(stun::kRequestedAddressFamily, 0x02FFFFFF);
    writer.addU32(stun::kAdditionalAddressFamily, 0x01000000);
    writer.add(stun::kEvenPort, "\x80");
    writer.add(stun::kReservationToken, "12345678");
    writer.addFlag(stun::kDontFragment);
    writer.addFlag(stun::kUseCandidate);
    writer.addXorAddress(stun::kXorPeerAddress, {.ip = {192, 0, 2, 1}, .ip_length = 4, .port = 7});
  });
  const auto message = stun::parse(bytes);
  REQUIRE(message);
  CHECK(message->realm() == "example.org");
  CHECK(message->nonce() == "nonce");
  CHECK(message->passwordAlgorithm() == 2);
  CHECK(message->changeRequest() == 6u);
  CHECK(message->responsePort() == 4000);
  CHECK(message->channelNumber() == 0x4001);
  CHECK(message->lifetime() == 600u);
  CHECK(message->requestedTransport() == 17);
  CHECK(message->requestedAddressFamily() == stun::AddressFamily::kIpv6);
  CHECK(message->additionalAddressFamily() == stun::AddressFamily::kIpv4);
  CHECK(message->evenPort() == true);
  CHECK(message->reservationToken() == stun::ReservationToken{'1', '2', '3', '4', '5', '6', '7', '8'});
  CHECK(message->dontFragment());
  CHECK(message->useCandidate());
  CHECK(message->xorPeerAddress()->port == 7);
}

TEST_CASE("stun::Message: the accessors return nothing for values of the wrong size") {
  for (const size_t size : {0u, 1u, 2u, 3u, 5u, 7u, 9u}) {
    CAPTURE(size);
    const std::string value(size, '\x01');
    const auto bytes = messageWith([&](stun::Writer& writer) {
      for (const stun::AttributeSpec& attribute : stun::kAttributes) {
        const bool ends = attribute.type == stun::kMessageIntegrity ||
                          attribute.type == stun::kMessageIntegritySha256 ||
                          attribute.type == stun::kFingerprint;
        if (!ends) writer.add(attribute.type, value);
      }
    });
    const auto message = stun::parse(bytes);
    REQUIRE(message);
    CHECK_FALSE(message->passwordAlgorithm());
    CHECK_FALSE(message->priority());
    CHECK_FALSE(message->changeRequest());
    CHECK_FALSE(message->channelNumber());
    CHECK_FALSE(message->lifetime());
    CHECK_FALSE(message->requestedTransport());
    CHECK_FALSE(message->requestedAddressFamily());
    CHECK_FALSE(message->additionalAddressFamily());
    CHECK_FALSE(message->reservationToken());
    CHECK_FALSE(message->xorPeerAddress());
    CHECK(message->evenPort().has_value() == (size == 1));
    CHECK(message->responsePort().has_value() == (size >= 2));
  }
}

TEST_CASE("stun::localUfrag: the part of USERNAME before the colon, empty without one") {
  const auto ufrag = [](std::string_view username) {
    const auto bytes = messageWith([&](stun::Writer& writer) { writer.add(stun::kUsername, username); });
    return std::string(stun::localUfrag(*stun::parse(bytes)));
  };
  CHECK(ufrag("mine:yours") == "mine");
  CHECK(ufrag("mine:yours:more") == "mine");
  CHECK(ufrag("mine") == "");
  CHECK(ufrag(":yours") == "");
  CHECK(ufrag("") == "");
}

TEST_CASE("RFC 8489 6.3.1: attributes that are required and unknown are reported once each") {
  const auto bytes = messageWith([](stun::Writer& writer) {
    writer.addU32(0x7001, 0);
    writer.addU32(stun::kPadding, 0);
    writer.addU32(0x7000, 0);
    writer.addU32(0x7001, 0);
    writer.addU32(0xC001, 0);
    writer.addU32(stun::kChannelNumber, 0);
  });
  const auto message = stun::parse(bytes);
  REQUIRE(message);
  const auto unknown = [&](bool nat_discovery) {
    const auto found = stun::findUnknown(*message, nat_discovery);
    return std::vector(found.types.begin(), found.types.begin() + static_cast<std::ptrdiff_t>(found.count));
  };
  CHECK(unknown(false) == std::vector<uint16_t>{0x7001, stun::kPadding, 0x7000});
  CHECK(unknown(true) == std::vector<uint16_t>{0x7001, 0x7000});
}

}  // namespace
}  // namespace sluice
