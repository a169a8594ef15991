#include "test/filters/stun_turn/turn_message.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "source/crypto/hmac.h"

namespace sluice::test {
namespace {

stun::TransportAddress toStun(const net::Address& address) {
  stun::TransportAddress out;
  std::copy(address.ip().begin(), address.ip().end(), out.ip.begin());
  out.ip_length = static_cast<uint8_t>(address.ip().size());
  out.port = address.port();
  return out;
}

void addCredentials(stun::Writer& writer, const Auth& auth) {
  if (auth.username) writer.add(stun::kUsername, *auth.username);
  if (auth.userhash) writer.add(stun::kUserhash, *auth.userhash);
  if (auth.realm) writer.add(stun::kRealm, *auth.realm);
  if (auth.nonce) writer.add(stun::kNonce, *auth.nonce);
  if (auth.algorithms) writer.add(stun::kPasswordAlgorithms, *auth.algorithms);
  if (auth.algorithm) writer.addU32(stun::kPasswordAlgorithm, uint32_t{*auth.algorithm} << 16);
}

void checkReason(Bytes error) {
  REQUIRE(error.size() >= 4);
  CHECK(error[0] == 0);
  CHECK(error[1] == 0);
  CHECK(error[2] >= 3);  // with reserved bits, which are zero
  CHECK(error[2] <= 6);
  CHECK(error[3] <= 99);
  CHECK(error.size() < 4 + 128);
}

}  // namespace

Attribute bytes(uint16_t type, std::vector<uint8_t> value) {
  return [=](stun::Writer& writer) { writer.add(type, value); };
}
Attribute text(uint16_t type, std::string value) {
  return [=](stun::Writer& writer) { writer.add(type, value); };
}
Attribute number(uint16_t type, uint32_t value) {
  return [=](stun::Writer& writer) { writer.addU32(type, value); };
}
Attribute flag(uint16_t type) {
  return [=](stun::Writer& writer) { writer.addFlag(type); };
}
Attribute peer(const std::string& address) {
  const auto encoded = toStun(*net::Address::parse(address));
  return [=](stun::Writer& writer) { writer.addXorAddress(stun::kXorPeerAddress, encoded); };
}
Attribute transport(uint8_t protocol) {
  return number(stun::kRequestedTransport, uint32_t{protocol} << 24);
}
Attribute lifetime(uint32_t seconds) {
  return number(stun::kLifetime, seconds);
}
Attribute family(uint8_t family, uint16_t type) {
  return number(type, uint32_t{family} << 24);
}
Attribute evenPort(bool reserve) {
  return bytes(stun::kEvenPort, {static_cast<uint8_t>(reserve ? 0x80 : 0)});
}
Attribute channel(uint16_t number) {
  return test::number(stun::kChannelNumber, uint32_t{number} << 16);
}
Attribute payload(std::string_view data) {
  return text(stun::kData, std::string(data));
}

std::vector<uint8_t> Auth::key() const {
  const std::string material = user + ":" + key_realm + ":" + password;
  if (key_algorithm == kMd5) {
    const auto hash = crypto::md5(asBytes(material));
    return {hash.begin(), hash.end()};
  }
  const auto hash = crypto::sha256(asBytes(material));
  return {hash.begin(), hash.end()};
}

std::vector<uint8_t> userhash(const std::string& user, const std::string& realm) {
  const auto hash = crypto::sha256(asBytes(user + ":" + realm));
  return {hash.begin(), hash.end()};
}

stun::TransactionId newTransaction() {
  static uint32_t last = 0;
  stun::TransactionId id{0xC1, 0x1E};
  writeU32(&id[8], ++last);
  return id;
}

std::vector<uint8_t> form(uint16_t method, stun::Class kind, const stun::TransactionId& id,
                          const Attributes& attributes, const Auth* auth,
                          const std::function<void(MutableBytes)>& before_integrity) {
  std::vector<uint8_t> out(stun::kMaxMessage);
  stun::Writer writer(out, method, kind, id);
  for (const Attribute& add : attributes) add(writer);
  if (auth != nullptr) addCredentials(writer, *auth);
  if (before_integrity) before_integrity(MutableBytes(out).first(writer.finish().value()));
  if (auth != nullptr) {
    if (auth->sha1) writer.addIntegrity(auth->key(), crypto::hmacSha1);
    if (auth->sha256) writer.addIntegritySha256(auth->key(), crypto::hmacSha256);
    for (const Attribute& add : auth->behind) add(writer);
  }
  out.resize(writer.finish().value());
  return out;
}

int Response::code() const {
  if (bytes.empty()) return kSilence;
  const stun::Message read = message();
  return read.kind == stun::Class::kSuccess ? kSuccess : static_cast<int>(read.errorCode().value_or(999));
}

std::string Response::text(uint16_t type) const {
  if (!has(type)) return "";
  return std::string(asText(*message().find(type)));
}

std::optional<uint32_t> Response::number(uint16_t type) const {
  return bytes.empty() ? std::nullopt : message().findU32(type);
}

std::vector<net::Address> Response::addresses(uint16_t type) const {
  std::vector<net::Address> found;
  if (bytes.empty()) return found;
  message().forEach([&](uint16_t seen, Bytes value) {
    if (seen != type) return;
    if (const auto address = message().decodeXorAddress(value)) found.push_back(toAddress(*address));
  });
  return found;
}

std::vector<uint16_t> Response::unknownAttributes() const {
  const std::string list = text(stun::kUnknownAttributes);
  std::vector<uint16_t> types;
  for (size_t i = 0; i + 1 < list.size(); i += 2) types.push_back(readU16(asBytes(list).data() + i));
  return types;
}

std::optional<uint32_t> Response::securityFeatures() const {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr std::string_view kCookie = "obMatJos2";
  const std::string nonce = text(stun::kNonce);
  if (!nonce.starts_with(kCookie) || nonce.size() < kCookie.size() + 4) return std::nullopt;
  uint32_t bits = 0;
  for (size_t i = 0; i < 4; ++i) {
    const size_t digit = kDigits.find(nonce[kCookie.size() + i]);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(digit);
  }
  return bits;
}

void checkForm(Bytes response) {
  const auto message = stun::parse(response);
  REQUIRE(message);
  CHECK(message->checkFingerprint());  // section 14.7: right, and last
  bool sealed = false;
  stun::walk(response, [&](uint16_t type, Bytes value, size_t) {
    const bool may_follow = type == stun::kMessageIntegritySha256 || type == stun::kFingerprint;
    CHECK((!sealed || may_follow));
    sealed = sealed || type == stun::kMessageIntegrity || type == stun::kMessageIntegritySha256;
    for (const uint8_t* pad = value.data() + value.size(); (pad - response.data()) % 4 != 0; ++pad)
      CHECK(*pad == 0);  // section 14
    const bool is_text = type == stun::kSoftware || type == stun::kRealm || type == stun::kNonce;
    if (is_text) CHECK(value.size() < 128);
    if (type == stun::kErrorCode) checkReason(value);
    return true;
  });
  CHECK(message->has(stun::kErrorCode) == (message->kind == stun::Class::kError));
}

net::Address toAddress(const stun::TransportAddress& address) {
  return net::Address(Bytes(address.ip).first(address.ip_length), address.port);
}

}  // namespace sluice::test
