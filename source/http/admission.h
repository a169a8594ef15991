// The limits of an HTTP endpoint: how many connections, TLS handshakes and requests it accepts, and how many
// bytes it holds for all clients together. The servers of one endpoint share it, so that a reload that
// replaces the server does not reset the counts. Loop's thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "source/base/clock.h"
#include "source/base/enum_size.h"
#include "source/base/token_bucket.h"
#include "source/http/rate_limiter.h"
#include "source/net/address.h"

namespace sluice::http {

struct Limits {
  unsigned connections = 1000;  // total
  // A source is an IPv4 address or an IPv6 /64.
  unsigned connections_per_source = 100;
  double requests_per_second = 0;  // of one source; 0: unlimited
  double request_burst = 50;
  double handshakes_per_second = 0;   // TLS, total; a quarter of it for one source; 0: unlimited
  size_t bytes_in_flight = 64 << 20;  // request bodies being received; responses and events not sent yet
  // Reverse proxies: the per-source limits do not apply to them, and X-Forwarded-For names their clients.
  std::vector<net::Prefix> trusted_proxies{};
};

class Admission {
 public:
  // The reason for which a connection or request was refused.
  enum class Refusal : uint8_t {
    kConnections,
    kConnectionsPerSource,
    kHandshakes,
    kRequests,
    kBytesInFlight,
    kDeadline
  };
  static constexpr size_t kRefusals = kEnumSize<Refusal>;
  // The metric's labels, in the enum's order.
  static constexpr std::array<const char*, kRefusals> kNames = {
      "connections", "connections_per_source", "tls_handshakes", "requests", "bytes_in_flight", "deadline"};
  static_assert(kNames.back() != nullptr);

  // `name` is used in log lines.
  explicit Admission(std::string name, Limits limits = {});

  void configure(Limits limits, Instant now);

  // True if a newly accepted connection may stay. opened() and closed() count the connections that stay.
  bool admitConnection(const net::Address& peer, bool tls, Instant now);
  void opened(const net::Address& peer);
  void closed(const net::Address& peer);

  // The client behind a request: the peer or, if that is a trusted proxy, the last address in
  // `x_forwarded_for` that is not one. Text that is not an address ends the search.
  net::Address clientOf(const net::Address& peer, std::string_view x_forwarded_for) const;
  // `cost`: the request's share of the rate limit, 1 for an ordinary request.
  bool admitRequest(const net::Address& client, Instant now, double cost = 1);

  // Bytes held for clients. hold() counts them unconditionally; tryHold() refuses bytes beyond the limit.
  bool isFull() const { return held_ >= limits_.bytes_in_flight; }
  bool tryHold(size_t bytes);
  void hold(size_t bytes) { held_ += bytes; }
  void release(size_t bytes) { held_ -= bytes; }
  // One source may use a quarter of the limit for request bodies, so that no client can exclude all others.
  bool tryHoldBody(const net::Address& client, size_t bytes);
  void releaseBody(const net::Address& client, size_t bytes);

  // Counts the refusal and logs at most one line every ten seconds; deadlines are only counted.
  void refused(Refusal why, const net::Address& client, Instant now);

  size_t connections() const { return connections_; }
  size_t held() const { return held_; }
  uint64_t count(Refusal why) const { return counts_[static_cast<size_t>(why)]; }

 private:
  bool isTrusted(const net::Address& peer) const;
  std::optional<Refusal> checkConnection(const net::Address& peer, bool tls, Instant now);

  const std::string name_;
  Limits limits_;
  size_t connections_ = 0;
  std::unordered_map<net::Address, unsigned> by_site_;
  RateLimiter requests_;
  RateLimiter client_handshakes_;
  std::optional<TokenBucket> handshakes_;
  size_t held_ = 0;
  std::unordered_map<net::Address, size_t> bodies_;  // bytes by source
  std::array<uint64_t, kRefusals> counts_{};
  uint64_t unreported_ = 0;
  Instant next_report_{};
};

}  // namespace sluice::http
