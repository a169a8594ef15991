// An IP address with a port, and an address prefix. Plain values, cheap to copy, compare and hash. Link-local
// scope ids are not kept.
#pragma once

#include <netinet/in.h>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "source/base/archive.h"
#include "source/base/bytes.h"
#include "source/base/result.h"

namespace sluice::net {

class Address {
 public:
  enum class Family : uint8_t { kNone, kV4, kV6 };

  Address() = default;
  // `ip` holds 4 or 16 bytes in network order.
  Address(Bytes ip, uint16_t port);

  // "192.0.2.1:3478" or "[2001:db8::1]:3478".
  static Result<Address> parse(std::string_view text);
  // An address without a port: "192.0.2.1" or "2001:db8::1".
  static Result<Address> parseIp(std::string_view text, uint16_t port = 0);
  // An IPv4-mapped IPv6 address becomes IPv4.
  static Address fromSockaddr(const sockaddr* address);

  // Fills `out` and returns its length.
  socklen_t toSockaddr(sockaddr_storage& out) const;

  Family family() const { return family_; }
  bool isSet() const { return family_ != Family::kNone; }
  bool isV6() const { return family_ == Family::kV6; }
  bool isLoopback() const;
  bool isWildcard() const;
  Bytes ip() const { return Bytes(ip_).first(isV6() ? 16 : family_ == Family::kV4 ? 4 : 0); }
  uint16_t port() const { return port_; }
  Address withPort(uint16_t port) const { return Address(ip(), port); }
  // The unit of per-client limits: an IPv4 address, or an IPv6 /64 (usually one site). Port 0.
  Address site() const;
  // The wildcard address of the same family, with this port.
  Address wildcard() const;

  std::string toString() const;
  std::string ipString() const;
  // Has the same value in every process for the same salt.
  size_t hash(uint64_t salt) const;
  // For tables. The salt is random in each process, so that no one can choose addresses that collide.
  size_t hash() const;
  auto operator<=>(const Address&) const = default;
  void archive(Archive& a) { a(ip_, port_, family_); }

 private:
  std::array<uint8_t, 16> ip_{};  // IPv4 in the first four bytes, the rest zero
  uint16_t port_ = 0;
  Family family_ = Family::kNone;
};

// The address that a socket is bound to, with the port that the system chose; unset if there is none.
Address boundAddress(int fd);

// "10.0.0.0/8" or "fd00::/8".
class Prefix {
 public:
  static Result<Prefix> parse(std::string_view text);

  bool contains(const Address& address) const;
  // The lowest address and the highest, port 0.
  const Address& first() const { return base_; }
  Address last() const;
  std::string toString() const { return base_.ipString() + "/" + std::to_string(length_); }

 private:
  Address base_;
  unsigned length_ = 0;  // bits
};

}  // namespace sluice::net

template <>
struct std::hash<sluice::net::Address> {
  size_t operator()(const sluice::net::Address& address) const { return address.hash(); }
};
