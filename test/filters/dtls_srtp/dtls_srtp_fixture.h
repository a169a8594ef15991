// The dtls_srtp filter under test, and a client that performs a handshake with it.
#pragma once

#include <doctest/doctest.h>

#include "filters/dtls_srtp/dtls_srtp.h"
#include "source/crypto/certificate.h"
#include "source/crypto/dtls.h"
#include "source/crypto/srtp.h"
#include "test/support/harness.h"

namespace sluice::test {

inline const net::Address kClient = *net::Address::parse("192.0.2.1:5000");
inline const std::vector<uint8_t> kRtp{0x80, 111, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 'v', 'o', 'i', 'c', 'e'};
inline const std::vector<uint8_t> kRtcp{0x80, 201, 0, 1, 0, 0, 0, 2};

// A client and the chain that it connects to.
struct DtlsSrtpFixture final : crypto::DtlsSink {
  ManualClock clock;
  test::FakeWorker worker{clock};
  std::shared_ptr<const crypto::Certificate> client_certificate = crypto::Certificate::generate();
  std::shared_ptr<const crypto::DtlsContext> client_context = crypto::DtlsContext::make(client_certificate);
  std::shared_ptr<const crypto::DtlsContext> server_context =
      crypto::DtlsContext::make(crypto::Certificate::generate());
  ChainHarness chain;
  std::unique_ptr<crypto::DtlsConnection> client;
  std::unique_ptr<crypto::SrtpSession> srtp;
  size_t seen = 0;  // of the chain's output

  struct Options {
    const char* config = "";
    rooms::DtlsRole role = rooms::DtlsRole::kServer;
    bool right_fingerprint = true;
    std::vector<crypto::SrtpProfile> client_profiles{crypto::SrtpProfile::kAeadAes128Gcm,
                                                     crypto::SrtpProfile::kAes128CmSha1_80};
  };

  DtlsSrtpFixture() : DtlsSrtpFixture(Options{}) {}
  explicit DtlsSrtpFixture(const Options& options)
      : chain(worker, {{dtls_srtp::filterType(), options.config}}) {
    chain.dtls = server_context;
    rooms::Negotiated negotiated;
    negotiated.dtls_role = options.role;
    negotiated.fingerprints = {client_certificate->fingerprint()};
    if (!options.right_fingerprint) negotiated.fingerprints[0][0] ^= 1;
    chain.session.known_player =
        std::make_shared<rooms::Player>(std::make_shared<rooms::Room>("room", 1), "player", negotiated);
    const bool client_is_server = options.role == rooms::DtlsRole::kClient;
    client = std::make_unique<crypto::DtlsConnection>(
        *client_context,
        crypto::DtlsConnection::Options{
            .role = client_is_server ? crypto::DtlsRole::kServer : crypto::DtlsRole::kClient,
            .peer_fingerprints = {server_context->fingerprint()},
            .profiles = options.client_profiles},
        *this);
  }

  void sendDtls(Bytes datagram) override { chain.ingress(datagram); }

  // Delivers datagrams until both sides have nothing more to send.
  void exchange() {
    while (seen < chain.outer.size()) {
      const test::Captured packet = chain.outer[seen++];
      if (packet.kind == PacketKind::kDtls) client->onDatagram(packet.data);
    }
  }
  void connect() {
    chain.session.authenticate(kClient);
    if (client->state() == crypto::DtlsConnection::State::kHandshaking &&
        chain.session.known_player->negotiated.dtls_role == rooms::DtlsRole::kServer) {
      client->start();
    }
    exchange();
    if (client->state() == crypto::DtlsConnection::State::kConnected) {
      srtp = *crypto::SrtpSession::make(client->keys());
    }
  }
  bool connected() { return chain.session.known_player->observed.connected; }

  std::vector<uint8_t> protect(std::vector<uint8_t> packet, bool rtcp = false) {
    size_t size = packet.size();
    packet.resize(size + crypto::kSrtpTailroom);
    REQUIRE((rtcp ? srtp->protectRtcp(packet.data(), size) : srtp->protect(packet.data(), size)) ==
            crypto::SrtpStatus::kOk);
    packet.resize(size);
    return packet;
  }
  uint64_t drops(const char* reason) { return chain.dropped("dtls_srtp", reason); }
};

}  // namespace sluice::test
