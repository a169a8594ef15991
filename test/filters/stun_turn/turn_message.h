// STUN messages as a TURN client writes and reads them: attributes, long-term credentials, responses.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "source/codec/stun_writer.h"
#include "source/net/address.h"

namespace sluice::test {

constexpr uint8_t kUdp = 17;
constexpr uint8_t kIpv4 = 1;
constexpr uint8_t kIpv6 = 2;
constexpr uint16_t kMd5 = 1;  // PASSWORD-ALGORITHM, RFC 8489 section 18.5
constexpr uint16_t kSha256 = 2;

// Adds one attribute to a message.
using Attribute = std::function<void(stun::Writer&)>;
using Attributes = std::vector<Attribute>;

Attribute bytes(uint16_t type, std::vector<uint8_t> value);
Attribute text(uint16_t type, std::string value);
Attribute number(uint16_t type, uint32_t value);
Attribute flag(uint16_t type);
Attribute peer(const std::string& address);  // XOR-PEER-ADDRESS
Attribute transport(uint8_t protocol = kUdp);
Attribute lifetime(uint32_t seconds);
Attribute family(uint8_t family, uint16_t type = stun::kRequestedAddressFamily);
Attribute evenPort(bool reserve);
Attribute channel(uint16_t number);
Attribute payload(std::string_view data);  // DATA

// The credentials of a request. Tests start with right ones and change them.
struct Auth {
  std::string user, password, key_realm;  // the key is derived from these
  uint16_t key_algorithm = kSha256;
  // The attributes, if set.
  std::optional<std::string> username, realm, nonce;
  std::optional<std::vector<uint8_t>> userhash, algorithms;
  std::optional<uint16_t> algorithm;
  bool sha1 = false;    // MESSAGE-INTEGRITY
  bool sha256 = false;  // MESSAGE-INTEGRITY-SHA256
  Attributes behind;    // after the integrity

  std::vector<uint8_t> key() const;
};

std::vector<uint8_t> userhash(const std::string& user, const std::string& realm);

stun::TransactionId newTransaction();

// `before_integrity` may change the attributes so far.
std::vector<uint8_t> form(uint16_t method, stun::Class kind, const stun::TransactionId& id,
                          const Attributes& attributes, const Auth* auth = nullptr,
                          const std::function<void(MutableBytes)>& before_integrity = {});

constexpr int kSuccess = 0;
constexpr int kSilence = -1;

// The response to a request.
struct Response {
  std::vector<uint8_t> bytes;  // empty if there was none
  std::string protection;      // "none", "sha1", "sha256", "both" or "wrong", by the request's key

  stun::Message message() const { return *stun::parse(bytes); }
  int code() const;  // of the error, else kSuccess or kSilence
  bool has(uint16_t type) const { return !bytes.empty() && message().has(type); }
  std::string text(uint16_t type) const;  // empty without the attribute
  std::optional<uint32_t> number(uint16_t type) const;
  std::vector<net::Address> addresses(uint16_t type) const;  // XORed ones
  std::vector<uint16_t> unknownAttributes() const;
  // RFC 8489 section 18.1: the three bytes in the nonce cookie; empty without a cookie.
  std::optional<uint32_t> securityFeatures() const;
};

// Checks the rules for all responses of a server (RFC 8489 sections 5, 6.3.1.1 and 14) with doctest.
void checkForm(Bytes response);

net::Address toAddress(const stun::TransportAddress& address);

}  // namespace sluice::test
