// DTLS 1.2 with the use_srtp extension (RFC 6347, RFC 5764). Sans-IO: datagrams enter by a call and leave
// through a sink; the owner keeps the retransmission timer.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "source/base/bytes.h"
#include "source/base/clock.h"
#include "source/crypto/certificate.h"
#include "source/crypto/srtp_keys.h"

struct ssl_ctx_st;
struct ssl_st;

namespace sluice::crypto {

constexpr size_t kDtlsMtu = 1200;  // bytes: the largest UDP payload of a flight's datagrams

// The library's settings and the local certificate, shared by all connections on all threads.
class DtlsContext {
 public:
  static std::shared_ptr<const DtlsContext> make(std::shared_ptr<const Certificate> certificate);
  ~DtlsContext();
  DtlsContext(const DtlsContext&) = delete;
  DtlsContext& operator=(const DtlsContext&) = delete;

  const Certificate& certificate() const { return *certificate_; }
  const Fingerprint& fingerprint() const { return certificate_->fingerprint(); }

 private:
  friend class DtlsConnection;
  DtlsContext(ssl_ctx_st* context, std::shared_ptr<const Certificate> certificate);

  ssl_ctx_st* const context_;
  const std::shared_ptr<const Certificate> certificate_;
};

using sluice::DtlsRole;

class DtlsSink {
 public:
  virtual ~DtlsSink() = default;
  // One datagram for the peer.
  virtual void sendDtls(Bytes datagram) = 0;
};

class DtlsConnection {
 public:
  struct Options {
    DtlsRole role = DtlsRole::kServer;
    std::vector<Fingerprint> peer_fingerprints{};  // the peer's certificate must have one of them
    std::vector<SrtpProfile> profiles{};           // best first; the server's order wins
    Duration initial_timeout = 200ms;  // before a flight's first retransmission; doubles each time
  };
  enum class State { kHandshaking, kConnected, kClosed, kFailed };

  // `context` and `sink` must outlive the connection.
  DtlsConnection(const DtlsContext& context, const Options& options, DtlsSink& sink);
  ~DtlsConnection();
  DtlsConnection(const DtlsConnection&) = delete;
  DtlsConnection& operator=(const DtlsConnection&) = delete;

  // A client's first flight. A server waits for one.
  void start();
  // Garbage is ignored, and during the handshake so are plaintext alerts, which anyone can forge: a peer that
  // refuses the handshake seems silent. Check the state afterwards.
  void onDatagram(Bytes datagram);
  // Call it when nextTimeout() has passed; it does nothing before.
  void onTimeout();
  // The time until the next retransmission, by the system clock, which BoringSSL reads itself; nothing when
  // none is due.
  std::optional<Duration> nextTimeout() const;

  // Sends close_notify to the peer. Only once, and only when connected.
  void close();

  State state() const { return state_; }
  // The reason of a failure: "wrong_fingerprint", "no_srtp_profile" or "handshake".
  std::string_view failure() const { return failure_; }
  // Both valid only when connected.
  SrtpProfile profile() const;
  SrtpKeys keys() const;

 private:
  friend struct DtlsCallbacks;

  void advance();
  void handshake();
  void readAfterHandshake();
  void fail(std::string_view why);

  const Options options_;
  DtlsSink& sink_;
  ssl_st* const ssl_;
  Bytes incoming_;  // the datagram being read; empty: nothing to read
  State state_ = State::kHandshaking;
  std::string_view failure_;
};

}  // namespace sluice::crypto
