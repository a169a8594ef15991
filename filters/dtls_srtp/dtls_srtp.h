// DTLS-SRTP (RFC 5763, RFC 5764): plain RTP and RTCP inward, SRTP and SRTCP outward. The handshake accepts
// datagrams only from addresses that sent an authenticated ICE check.
#pragma once

#include <memory>
#include <vector>

#include "api/filters/dtls_srtp.pb.h"
#include "source/base/token_bucket.h"
#include "source/chain/filter.h"
#include "source/chain/filter_type.h"
#include "source/crypto/dtls.h"
#include "source/crypto/srtp.h"

namespace sluice::dtls_srtp {

class DtlsSrtpFactory final : public chain::FilterFactory {
 public:
  static Result<chain::FilterFactoryPtr> make(const filters::DtlsSrtp& config,
                                              chain::FactoryContext& context);
  chain::FilterPtr create(chain::FilterContext& context) const override;

  std::shared_ptr<const crypto::DtlsContext> dtls;
  std::vector<crypto::SrtpProfile> profiles;  // best first
  Duration retransmit{};
  Duration handshake_timeout{};
};

class DtlsSrtp final : public chain::Filter, private crypto::DtlsSink {
 public:
  DtlsSrtp(chain::FilterContext& context, const DtlsSrtpFactory& factory);
  ~DtlsSrtp() override;

  void onIngress(net::PacketPtr&& packet) override;
  void onEgress(net::PacketPtr&& packet) override;
  void onAuthenticated(const net::Address& remote) override;
  // New settings apply to new handshakes; the keys of this session stay.
  bool onReload(const chain::FilterFactory& factory) override;
  // The keys and all numbers are handed over, the DTLS connection cannot be: a handshake in progress is lost,
  // and later no close_notify is sent or understood.
  bool archive(Archive& a) override;
  void describe(chain::Description& out) const override;

 private:
  void sendDtls(Bytes datagram) override;
  void beginHandshake();
  void beginAgain();
  void onDtls(net::PacketPtr&& packet);
  void onMedia(net::PacketPtr&& packet);
  void onStateChange();
  void onConnected();
  void onTimer();

  const DtlsSrtpFactory* factory_;
  std::unique_ptr<crypto::DtlsConnection> dtls_;  // null until the handshake begins
  std::unique_ptr<crypto::SrtpSession> srtp_;     // null until it is done
  Instant begun_{};
  TokenBucket restarts_;  // of the handshake
  net::Timer timer_;
};

chain::FilterType filterType();

}  // namespace sluice::dtls_srtp
