#include "source/net/address.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <charconv>

#include "source/base/hash.h"
#include "source/base/random.h"

namespace sluice::net {
namespace {

bool parseNumber(std::string_view text, unsigned max, unsigned& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() && out <= max;
}

Error notAnAddress(std::string_view text, const char* expected) {
  return {"", "'" + std::string(text) + "' is not " + expected};
}

}  // namespace

Address::Address(Bytes ip, uint16_t port)
    : port_(port),
      family_(ip.size() == 16  ? Family::kV6
              : ip.size() == 4 ? Family::kV4
                               : Family::kNone) {
  assert(ip.size() == 4 || ip.size() == 16 || ip.empty());
  std::copy(ip.begin(), ip.end(), ip_.begin());
}

Result<Address> Address::parseIp(std::string_view text, uint16_t port) {
  const std::string copy(text);
  uint8_t ip[16];
  if (inet_pton(AF_INET, copy.c_str(), ip) == 1) return Address(Bytes(ip, 4), port);
  if (inet_pton(AF_INET6, copy.c_str(), ip) == 1) return Address(Bytes(ip, 16), port);
  return notAnAddress(text, "an IP address");
}

Result<Address> Address::parse(std::string_view text) {
  constexpr const char* kExpected = "an address with a port, like 192.0.2.1:3478 or [2001:db8::1]:3478";
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return notAnAddress(text, kExpected);
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  unsigned port = 0;
  auto address = parseIp(host);
  if (!address.ok() || address->isV6() != bracketed || !parseNumber(text.substr(colon + 1), 65535, port)) {
    return notAnAddress(text, kExpected);
  }
  return address->withPort(static_cast<uint16_t>(port));
}

Address Address::fromSockaddr(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    return Address({reinterpret_cast<const uint8_t*>(&v4->sin_addr), 4}, ntohs(v4->sin_port));
  }
  if (address->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
    Bytes ip(v6->sin6_addr.s6_addr, 16);
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) ip = ip.last(4);
    return Address(ip, ntohs(v6->sin6_port));
  }
  return {};
}

socklen_t Address::toSockaddr(sockaddr_storage& out) const {
  if (isV6()) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&out);
    *v6 = {};
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port_);
    std::copy(ip_.begin(), ip_.end(), v6->sin6_addr.s6_addr);
    return sizeof(sockaddr_in6);
  }
  auto* v4 = reinterpret_cast<sockaddr_in*>(&out);
  *v4 = {};
  v4->sin_family = AF_INET;
  v4->sin_port = htons(port_);
  std::memcpy(&v4->sin_addr, ip_.data(), 4);
  return sizeof(sockaddr_in);
}

Address Address::site() const {
  Address site = withPort(0);
  if (isV6()) std::fill(site.ip_.begin() + 8, site.ip_.end(), 0);
  return site;
}

Address Address::wildcard() const {
  static constexpr uint8_t kZero[16] = {};
  return Address(Bytes(kZero, ip().size()), port_);
}

bool Address::isLoopback() const {
  if (!isV6()) return family_ == Family::kV4 && ip_[0] == 127;
  return ip_[15] == 1 && std::all_of(ip_.begin(), ip_.end() - 1, [](uint8_t b) { return b == 0; });
}

bool Address::isWildcard() const {
  return isSet() && std::all_of(ip_.begin(), ip_.end(), [](uint8_t b) { return b == 0; });
}

std::string Address::ipString() const {
  if (!isSet()) return "unset";
  char text[INET6_ADDRSTRLEN];
  inet_ntop(isV6() ? AF_INET6 : AF_INET, ip_.data(), text, sizeof text);
  return text;
}

std::string Address::toString() const {
  return (isV6() ? "[" + ipString() + "]" : ipString()) + ":" + std::to_string(port_);
}

size_t Address::hash() const {
  static const uint64_t kSalt = randomU64();
  return hash(kSalt);
}

size_t Address::hash(uint64_t salt) const {
  uint64_t halves[2];
  std::memcpy(halves, ip_.data(), sizeof halves);
  // Two rounds of multiply and fold: every bit of the address and port affects every bit of the result.
  uint64_t h = multiplyAndFold(halves[0] ^ salt ^ (uint64_t{port_} << 40));
  h = (h + (halves[1] ^ std::rotl(salt, 32))) * 0xD6E8FEB86659FD93u;
  return h ^ (h >> 29);
}

Address boundAddress(int fd) {
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  getsockname(fd, reinterpret_cast<sockaddr*>(&name), &length);
  return Address::fromSockaddr(reinterpret_cast<sockaddr*>(&name));
}

Result<Prefix> Prefix::parse(std::string_view text) {
  constexpr const char* kExpected = "an address prefix, like 10.0.0.0/8 or fd00::/8";
  const size_t slash = text.find('/');
  auto base = Address::parseIp(text.substr(0, slash));
  if (!base.ok()) return notAnAddress(text, kExpected);
  Prefix prefix;
  prefix.base_ = *base;
  const unsigned bits = base->isV6() ? 128 : 32;
  prefix.length_ = bits;
  if (slash != std::string_view::npos && !parseNumber(text.substr(slash + 1), bits, prefix.length_)) {
    return notAnAddress(text, kExpected);
  }
  return prefix;
}

Address Prefix::last() const {
  std::array<uint8_t, 16> ip{};
  const Bytes first = base_.ip();
  for (size_t i = 0; i < first.size(); ++i) {
    const unsigned fixed = std::clamp(static_cast<int>(length_) - static_cast<int>(8 * i), 0, 8);
    ip[i] = static_cast<uint8_t>(first[i] | 0xFF >> fixed);
  }
  return Address(Bytes(ip).first(first.size()), 0);
}

bool Prefix::contains(const Address& address) const {
  if (address.family() != base_.family()) return false;
  const size_t whole = length_ / 8;
  const Bytes ours = base_.ip();
  const Bytes theirs = address.ip();
  if (!std::equal(ours.begin(), ours.begin() + static_cast<ptrdiff_t>(whole), theirs.begin())) return false;
  const unsigned rest = length_ % 8;
  return rest == 0 || (ours[whole] ^ theirs[whole]) >> (8 - rest) == 0;
}

}  // namespace sluice::net
