// What an HTTP endpoint takes from its clients: how many connections, TLS handshakes and requests, and how
// many bytes it holds for all of them together. The servers of one endpoint share it, so that a reload which
// replaces the server begins no new count. Loop's thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "source/base/clock.h"
#include "source/base/token_bucket.h"
#include "source/http/rate_limiter.h"
#include "source/net/address.h"

namespace sluice::http {

struct Limits {
  unsigned connections = 1000;  // in all
  // A source is an IPv4 address or an IPv6 /64.
  unsigned connections_per_source = 100;
  double requests_per_second = 0;  // of one source; 0: unlimited
  double request_burst = 50;
  double handshakes_per_second = 0;   // TLS, in all; one source has a quarter of it; 0: unlimited
  size_t bytes_in_flight = 64 << 20;  // bodies that arrive, answers and events that nobody has read yet
  // Reverse proxies: no limit of one source counts for them, and X-Forwarded-For names theirs.
  std::vector<net::Prefix> trusted_proxies{};
};

class Admission {
 public:
  // Why something was refused.
  enum class Refusal : uint8_t {
    kConnections,
    kConnectionsPerSource,
    kHandshakes,
    kRequests,
    kBytesInFlight,
    kDeadline
  };
  static constexpr size_t kRefusals = 6;
  // As the metric's label, in the enum's order.
  static constexpr std::array<const char*, kRefusals> kNames = {
      "connections", "connections_per_source", "tls_handshakes", "requests", "bytes_in_flight", "deadline"};

  // `name` is the endpoint's in log lines.
  explicit Admission(std::string name, Limits limits = {});

  void configure(Limits limits, Instant now);

  // A connection that has just been accepted: whether to keep it. opened() and closed() count those that are
  // kept.
  bool admitConnection(const net::Address& peer, bool tls, Instant now);
  void opened(const net::Address& peer);
  void closed(const net::Address& peer);

  // The client behind a request: the peer, or, where that is a trusted proxy, the last address in
  // `x_forwarded_for` that is none. Text that is no address ends the search.
  net::Address clientOf(const net::Address& peer, std::string_view x_forwarded_for) const;
  // `cost`: of what a source may ask for, 1 for an ordinary request.
  bool admitRequest(const net::Address& client, Instant now, double cost = 1);

  // Bytes held for clients. hold() counts them without asking; tryHold() refuses what exceeds the bound.
  bool isFull() const { return held_ >= limits_.bytes_in_flight; }
  bool tryHold(size_t bytes);
  void hold(size_t bytes) { held_ += bytes; }
  void release(size_t bytes) { held_ -= bytes; }
  // Of request bodies one source has a quarter, so that no client keeps those of all others out.
  bool tryHoldBody(const net::Address& client, size_t bytes);
  void releaseBody(const net::Address& client, size_t bytes);

  // Counts, and logs a line at most every ten seconds; deadlines are only counted.
  void refused(Refusal why, const net::Address& client, Instant now);

  size_t connections() const { return connections_; }
  size_t held() const { return held_; }
  uint64_t count(Refusal why) const { return counts_[static_cast<size_t>(why)]; }

 private:
  bool isTrusted(const net::Address& peer) const;
  std::optional<Refusal> judgeConnection(const net::Address& peer, bool tls, Instant now);

  const std::string name_;
  Limits limits_;
  size_t connections_ = 0;
  std::unordered_map<net::Address, unsigned> by_customer_;
  RateLimiter requests_;
  RateLimiter client_handshakes_;
  std::optional<TokenBucket> handshakes_;
  size_t held_ = 0;
  std::unordered_map<net::Address, size_t> bodies_;  // bytes by customer
  std::array<uint64_t, kRefusals> counts_{};
  uint64_t unreported_ = 0;
  Instant next_report_{};
};

}  // namespace sluice::http
