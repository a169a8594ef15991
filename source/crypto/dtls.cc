#include "source/crypto/dtls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <string>

#include "source/crypto/dtls_record.h"

namespace sluice::crypto {

// The functions of a BIO whose reads and writes are one datagram each; a memory BIO would join them.
struct DtlsCallbacks {
  static DtlsConnection* of(BIO* bio) { return static_cast<DtlsConnection*>(BIO_get_data(bio)); }
  static DtlsConnection* of(const SSL* ssl) { return static_cast<DtlsConnection*>(SSL_get_app_data(ssl)); }

  static int read(BIO* bio, char* out, int size) {
    BIO_clear_retry_flags(bio);
    Bytes& incoming = of(bio)->incoming_;
    if (incoming.empty()) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const size_t n = std::min(incoming.size(), static_cast<size_t>(size));
    std::copy_n(incoming.begin(), n, out);
    incoming = {};
    return static_cast<int>(n);
  }

  static int write(BIO* bio, const char* data, int size) {
    of(bio)->sink_.sendDtls({reinterpret_cast<const uint8_t*>(data), static_cast<size_t>(size)});
    return size;
  }

  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static int create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
  }

  static const BIO_METHOD* method() {
    static BIO_METHOD* const kMethod = [] {
      BIO_METHOD* method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "datagrams");
      BIO_meth_set_read(method, read);
      BIO_meth_set_write(method, write);
      BIO_meth_set_ctrl(method, control);
      BIO_meth_set_create(method, create);
      return method;
    }();
    return kMethod;
  }

  // The peer must have a fingerprint that signalling announced; no certificate authority is involved.
  static ssl_verify_result_t verify(SSL* ssl, uint8_t* alert) {
    DtlsConnection* connection = of(ssl);
    X509* certificate = SSL_get_peer_certificate(ssl);
    const bool right =
        certificate != nullptr &&
        std::ranges::any_of(connection->options_.peer_fingerprints,
                            [shown = fingerprintOf(certificate)](const Fingerprint& announced) {
                              return constantTimeEqual(shown, announced);
                            });
    X509_free(certificate);
    if (right) return ssl_verify_ok;
    connection->failure_ = "wrong_fingerprint";
    *alert = SSL_AD_BAD_CERTIFICATE;
    return ssl_verify_invalid;
  }
};

namespace {

constexpr const char* nameOf(SrtpProfile profile) {
  return profile == SrtpProfile::kAeadAes128Gcm ? "SRTP_AEAD_AES_128_GCM" : "SRTP_AES128_CM_SHA1_80";
}

std::string namesOf(const std::vector<SrtpProfile>& profiles) {
  std::string names;
  for (const SrtpProfile profile : profiles)
    names += (names.empty() ? "" : ":") + std::string(nameOf(profile));
  return names;
}

void require(bool ok) {
  if (!ok) std::abort();
}

}  // namespace

SrtpKeys::~SrtpKeys() {
  OPENSSL_cleanse(local.data(), local.size());
  OPENSSL_cleanse(remote.data(), remote.size());
}

std::shared_ptr<const DtlsContext> DtlsContext::make(std::shared_ptr<const Certificate> certificate) {
  SSL_CTX* context = SSL_CTX_new(DTLS_method());
  require(context != nullptr);
  require(SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) == 1);
  require(SSL_CTX_set_max_proto_version(context, DTLS1_2_VERSION) == 1);
  require(SSL_CTX_use_certificate(context, certificate->x509()) == 1);
  require(SSL_CTX_use_PrivateKey(context, certificate->key()) == 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU);
  SSL_CTX_set_custom_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                            DtlsCallbacks::verify);
  return std::shared_ptr<const DtlsContext>(new DtlsContext(context, std::move(certificate)));
}

DtlsContext::DtlsContext(ssl_ctx_st* context, std::shared_ptr<const Certificate> certificate)
    : context_(context), certificate_(std::move(certificate)) {}

DtlsContext::~DtlsContext() {
  SSL_CTX_free(context_);
}

DtlsConnection::DtlsConnection(const DtlsContext& context, const Options& options, DtlsSink& sink)
    : options_(options), sink_(sink), ssl_(SSL_new(context.context_)) {
  require(ssl_ != nullptr);
  SSL_set_app_data(ssl_, this);
  BIO* bio = BIO_new(DtlsCallbacks::method());
  require(bio != nullptr);
  BIO_set_data(bio, this);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_mtu(ssl_, kDtlsMtu);
  require(SSL_set_srtp_profiles(ssl_, namesOf(options_.profiles).c_str()) == 1);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(options_.initial_timeout).count();
  DTLSv1_set_initial_timeout_duration(ssl_, static_cast<unsigned>(ms));
  if (options_.role == DtlsRole::kServer) {
    SSL_set_accept_state(ssl_);
  } else {
    SSL_set_connect_state(ssl_);
  }
}

DtlsConnection::~DtlsConnection() {
  SSL_free(ssl_);
}

void DtlsConnection::start() {
  assert(options_.role == DtlsRole::kClient);
  advance();
}

void DtlsConnection::onDatagram(Bytes datagram) {
  if (!isWellFormedDtls(datagram)) return;
  if (state_ == State::kHandshaking && hasPlaintextAlertOrData(datagram)) return;
  incoming_ = datagram;
  advance();
  incoming_ = {};
}

void DtlsConnection::advance() {
  ERR_clear_error();
  if (state_ == State::kHandshaking) handshake();
  if (state_ == State::kConnected) readAfterHandshake();
  ERR_clear_error();
}

void DtlsConnection::handshake() {
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) {
    // A handshake without a common profile completes nevertheless.
    if (SSL_get_selected_srtp_profile(ssl_) == nullptr) return fail("no_srtp_profile");
    state_ = State::kConnected;
    return;
  }
  const int error = SSL_get_error(ssl_, result);
  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
    fail(failure_.empty() ? "handshake" : failure_);
  }
}

// There is no application data in DTLS-SRTP, but a lost Finished is repaired here, and close_notify arrives
// here.
void DtlsConnection::readAfterHandshake() {
  uint8_t ignored[2048];
  int result;
  do {
    result = SSL_read(ssl_, ignored, sizeof ignored);
  } while (result > 0);
  const int error = SSL_get_error(ssl_, result);
  if (error == SSL_ERROR_ZERO_RETURN) state_ = State::kClosed;
  if (error == SSL_ERROR_SSL || error == SSL_ERROR_SYSCALL) state_ = State::kClosed;  // a fatal alert
}

void DtlsConnection::onTimeout() {
  if (state_ != State::kHandshaking) return;
  ERR_clear_error();
  if (DTLSv1_handle_timeout(ssl_) < 0) fail("handshake");
  ERR_clear_error();
}

std::optional<Duration> DtlsConnection::nextTimeout() const {
  timeval left;
  if (state_ != State::kHandshaking || DTLSv1_get_timeout(ssl_, &left) != 1) return std::nullopt;
  return std::chrono::seconds{left.tv_sec} + std::chrono::microseconds{left.tv_usec};
}

void DtlsConnection::close() {
  if (state_ != State::kConnected) return;
  SSL_shutdown(ssl_);
  ERR_clear_error();
  state_ = State::kClosed;
}

void DtlsConnection::fail(std::string_view why) {
  failure_ = why;
  state_ = State::kFailed;
}

SrtpProfile DtlsConnection::profile() const {
  const SRTP_PROTECTION_PROFILE* profile = SSL_get_selected_srtp_profile(ssl_);
  assert(profile != nullptr);
  return profile->id == SRTP_AEAD_AES_128_GCM ? SrtpProfile::kAeadAes128Gcm : SrtpProfile::kAes128CmSha1_80;
}

SrtpKeys DtlsConnection::keys() const {
  SrtpKeys keys;
  keys.profile = profile();
  const size_t salt = saltSize(keys.profile);
  // RFC 5764 section 4.2: client key, server key, client salt, server salt.
  uint8_t material[2 * (kMasterKeySize + 14)];
  static constexpr std::string_view kLabel = "EXTRACTOR-dtls_srtp";
  require(SSL_export_keying_material(ssl_, material, 2 * (kMasterKeySize + salt), kLabel.data(),
                                     kLabel.size(), nullptr, 0, 0) == 1);
  const auto assemble = [&](size_t side, SrtpKeys::Master& out) {
    std::copy_n(material + side * kMasterKeySize, kMasterKeySize, out.begin());
    std::copy_n(material + 2 * kMasterKeySize + side * salt, salt, out.begin() + kMasterKeySize);
  };
  const bool server = options_.role == DtlsRole::kServer;
  assemble(server ? 1 : 0, keys.local);
  assemble(server ? 0 : 1, keys.remote);
  OPENSSL_cleanse(material, sizeof material);
  return keys;
}

}  // namespace sluice::crypto
