#include "source/http/admission.h"

#include <algorithm>
#include <utility>

#include "source/base/log.h"

namespace sluice::http {
namespace {

constexpr Duration kReportInterval = 10s;
constexpr double kSourceShare = 0.25;  // of TLS handshakes
constexpr size_t kBodyShare = 4;       // one source's share of the bytes in flight is 1 / kBodyShare
constexpr double kBurstSeconds = 2;    // the burst, in seconds at the full rate

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Proxies write "192.0.2.1", some "192.0.2.1:4711" or "[2001:db8::1]:4711".
std::optional<net::Address> parseHop(std::string_view text) {
  auto address = net::Address::parseIp(text);
  if (!address.ok()) address = net::Address::parse(text);
  if (!address.ok()) return std::nullopt;
  sockaddr_storage plain;
  address->withPort(0).toSockaddr(plain);
  return net::Address::fromSockaddr(reinterpret_cast<const sockaddr*>(&plain));  // IPv4-mapped becomes IPv4
}

}  // namespace

Admission::Admission(std::string name, Limits limits)
    : name_(std::move(name)), requests_(0, 0), client_handshakes_(0, 0) {
  configure(std::move(limits), {});
}

void Admission::configure(Limits limits, Instant now) {
  limits_ = std::move(limits);
  requests_.setRate(limits_.requests_per_second, limits_.request_burst, now);
  const double rate = limits_.handshakes_per_second;
  client_handshakes_.setRate(rate * kSourceShare, rate * kSourceShare * kBurstSeconds, now);
  if (rate <= 0) {
    handshakes_.reset();
  } else if (handshakes_) {
    handshakes_->setRate(rate, rate * kBurstSeconds, now);
  } else {
    handshakes_.emplace(rate, rate * kBurstSeconds, now);
  }
}

bool Admission::isTrusted(const net::Address& peer) const {
  return std::ranges::any_of(limits_.trusted_proxies,
                             [&](const net::Prefix& prefix) { return prefix.contains(peer); });
}

bool Admission::admitConnection(const net::Address& peer, bool tls, Instant now) {
  const std::optional<Refusal> refusal = checkConnection(peer, tls, now);
  if (refusal) refused(*refusal, peer, now);
  return !refusal;
}

std::optional<Admission::Refusal> Admission::checkConnection(const net::Address& peer, bool tls,
                                                             Instant now) {
  if (connections_ >= limits_.connections) return Refusal::kConnections;
  const bool trusted = isTrusted(peer);
  if (!trusted) {
    const auto of_source = by_site_.find(peer.site());
    if (of_source != by_site_.end() && of_source->second >= limits_.connections_per_source) {
      return Refusal::kConnectionsPerSource;
    }
  }
  if (!tls || !handshakes_) return std::nullopt;
  // The client's own share first, so that its refused handshakes do not reduce the share of the others.
  if (!trusted && !client_handshakes_.allow(peer, now)) return Refusal::kHandshakes;
  if (!handshakes_->take(1, now)) return Refusal::kHandshakes;
  return std::nullopt;
}

void Admission::opened(const net::Address& peer) {
  ++connections_;
  ++by_site_[peer.site()];
}

void Admission::closed(const net::Address& peer) {
  --connections_;
  const auto of_source = by_site_.find(peer.site());
  if (--of_source->second == 0) by_site_.erase(of_source);
}

net::Address Admission::clientOf(const net::Address& peer, std::string_view x_forwarded_for) const {
  net::Address client = peer.withPort(0);
  while (isTrusted(client) && !x_forwarded_for.empty()) {
    const size_t comma = x_forwarded_for.rfind(',');
    const std::string_view last =
        comma == x_forwarded_for.npos ? x_forwarded_for : x_forwarded_for.substr(comma + 1);
    const auto hop = parseHop(trimmed(last));
    if (!hop) break;
    client = *hop;
    x_forwarded_for = comma == x_forwarded_for.npos ? std::string_view() : x_forwarded_for.substr(0, comma);
  }
  return client;
}

bool Admission::admitRequest(const net::Address& client, Instant now, double cost) {
  if (isTrusted(client) || requests_.allow(client, now, cost)) return true;
  refused(Refusal::kRequests, client, now);
  return false;
}

bool Admission::tryHold(size_t bytes) {
  if (bytes > limits_.bytes_in_flight - std::min(held_, limits_.bytes_in_flight)) return false;
  held_ += bytes;
  return true;
}

bool Admission::tryHoldBody(const net::Address& client, size_t bytes) {
  const auto known = bodies_.find(client.site());
  const size_t before = known == bodies_.end() ? 0 : known->second;
  if (!isTrusted(client) && before + bytes > limits_.bytes_in_flight / kBodyShare) return false;
  if (!tryHold(bytes)) return false;
  bodies_[client.site()] = before + bytes;
  return true;
}

void Admission::releaseBody(const net::Address& client, size_t bytes) {
  if (bytes == 0) return;
  release(bytes);
  const auto known = bodies_.find(client.site());
  if ((known->second -= bytes) == 0) bodies_.erase(known);
}

void Admission::refused(Refusal why, const net::Address& client, Instant now) {
  ++counts_[static_cast<size_t>(why)];
  if (why == Refusal::kDeadline) return;  // browsers open connections in advance and leave them idle
  ++unreported_;
  if (now < next_report_) return;
  log::warn(
      "{}: refused {} connections or requests since the previous such message; the last one from {}, limit: "
      "{}",
      name_, std::exchange(unreported_, 0), client.ipString(), kNames[static_cast<size_t>(why)]);
  next_report_ = now + kReportInterval;
}

}  // namespace sluice::http
