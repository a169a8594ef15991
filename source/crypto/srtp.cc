#include "source/crypto/srtp.h"

#include <arpa/inet.h>
#include <srtp2/srtp.h>

#include <algorithm>

#include "source/base/bytes.h"
#include "source/base/random.h"
#include "source/crypto/srtp_numbers.h"

namespace sluice::crypto {
namespace {

constexpr unsigned long kReplayWindow = 1024;  // packets
constexpr size_t kMinRtp = 12;
constexpr size_t kMinRtcp = 8;
constexpr size_t kMaxPacket = 2048;
// A stream whose first packet has a number below this may have begun before the wrap, with packets that were
// lost.
constexpr uint16_t kJustWrapped = 1'024;

bool initLibrary() {
  static const bool kOk = srtp_init() == srtp_err_status_ok;
  return kOk;
}

srtp_policy_t policyFor(SrtpProfile profile, const SrtpKeys::Master& master, srtp_ssrc_t ssrc) {
  srtp_policy_t policy{};
  if (profile == SrtpProfile::kAeadAes128Gcm) {
    srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
    srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
  } else {
    srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
    srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtcp);
  }
  policy.ssrc = ssrc;
  policy.key = const_cast<uint8_t*>(master.data());  // libsrtp copies it
  policy.window_size = kReplayWindow;
  policy.allow_repeat_tx = 1;
  return policy;
}

srtp_t makeContext(SrtpProfile profile, const SrtpKeys::Master& master, srtp_ssrc_type_t direction) {
  const srtp_policy_t policy = policyFor(profile, master, {direction, 0});
  srtp_t context = nullptr;
  return srtp_create(&context, &policy) == srtp_err_status_ok ? context : nullptr;
}

SrtpStatus toStatus(srtp_err_status_t status) {
  switch (status) {
    case srtp_err_status_ok:
      return SrtpStatus::kOk;
    case srtp_err_status_replay_fail:
    case srtp_err_status_replay_old:
      return SrtpStatus::kReplayed;
    case srtp_err_status_auth_fail:
    case srtp_err_status_cipher_fail:
      return SrtpStatus::kAuthFailed;
    default:
      return SrtpStatus::kMalformed;
  }
}

// All four libsrtp calls have this shape.
using Operation = srtp_err_status_t (*)(srtp_t, void*, int*);

SrtpStatus run(Operation operation, srtp_t context, uint8_t* data, size_t& size) {
  int length = static_cast<int>(size);
  const srtp_err_status_t status = operation(context, data, &length);
  if (status == srtp_err_status_ok) size = static_cast<size_t>(length);
  return toStatus(status);
}

}  // namespace

Result<std::unique_ptr<SrtpSession>> SrtpSession::make(const SrtpKeys& keys) {
  if (!initLibrary()) return Error{"", "libsrtp cannot be initialized"};
  srtp_t inbound = makeContext(keys.profile, keys.remote, ssrc_any_inbound);
  srtp_t outbound = makeContext(keys.profile, keys.local, ssrc_any_outbound);
  std::unique_ptr<SrtpSession> session(new SrtpSession(keys, inbound, outbound));
  if (inbound == nullptr || outbound == nullptr) return Error{"", "libsrtp refused the keys"};
  return session;
}

SrtpSession::SrtpSession(const SrtpKeys& keys, srtp_ctx_t_* inbound, srtp_ctx_t_* outbound)
    : keys_(keys), inbound_(inbound), outbound_(outbound), seed_(randomU64()) {}

SrtpSession::~SrtpSession() {
  if (inbound_ != nullptr) srtp_dealloc(inbound_);
  if (outbound_ != nullptr) srtp_dealloc(outbound_);
}

void SrtpSession::save(Archive& out) {
  SrtpKeys keys = keys_;
  auto inbound = numbersOf(inbound_), outbound = numbersOf(outbound_);
  std::vector<std::pair<uint32_t, SentNumbers>> sent(sent_.begin(), sent_.end());
  out(keys, inbound, outbound, sent, inbound_ssrcs_, inbound_uses_);
}

std::unique_ptr<SrtpSession> SrtpSession::load(Archive& in) {
  SrtpKeys keys;
  in(keys);
  auto session = make(keys);
  if (!in.ok() || !session.ok() || !(*session)->loadStreams(in)) return nullptr;
  return *std::move(session);
}

bool SrtpSession::loadStreams(Archive& in) {
  std::vector<SrtpNumbers> inbound, outbound;
  std::vector<std::pair<uint32_t, SentNumbers>> sent;
  in(inbound, outbound, sent, inbound_ssrcs_, inbound_uses_);
  if (!in.ok() || inbound_ssrcs_.size() > kMaxInboundSsrcs) return false;
  sent_.insert(sent.begin(), sent.end());
  const auto add = [&](srtp_t context, const SrtpKeys::Master& master, const std::vector<SrtpNumbers>& all) {
    return std::ranges::all_of(all, [&](const SrtpNumbers& numbers) {
      const srtp_policy_t policy = policyFor(keys_.profile, master, {ssrc_specific, numbers.ssrc});
      return srtp_add_stream(context, &policy) == srtp_err_status_ok && setNumbers(context, numbers);
    });
  };
  return add(inbound_, keys_.remote, inbound) && add(outbound_, keys_.local, outbound);
}

SrtpSession::InboundSsrc* SrtpSession::find(uint32_t ssrc) {
  const auto place = std::ranges::find(inbound_ssrcs_, ssrc, &InboundSsrc::ssrc);
  return place == inbound_ssrcs_.end() ? nullptr : &*place;
}

SrtpSession::InboundSsrc& SrtpSession::remember(uint32_t ssrc) {
  InboundSsrc* place = find(ssrc);
  if (place == nullptr) {
    if (inbound_ssrcs_.size() < kMaxInboundSsrcs) {
      place = &inbound_ssrcs_.emplace_back();
    } else {
      place = &*std::ranges::min_element(inbound_ssrcs_, {}, &InboundSsrc::last_use);
      srtp_remove_stream(inbound_, htonl(place->ssrc));
      *place = {};
    }
    place->ssrc = ssrc;
  }
  place->last_use = ++inbound_uses_;
  return *place;
}

SrtpStatus SrtpSession::protect(uint8_t* data, size_t& size) {
  if (size < kMinRtp) return SrtpStatus::kMalformed;
  const uint32_t ssrc = readU32(data + 8);
  auto sent = sent_.find(ssrc);
  if (sent == sent_.end()) {
    if (sent_.size() == kMaxOutboundSsrcs) return SrtpStatus::kTooManySsrcs;
    sent = sent_.try_emplace(ssrc).first;
  }
  if (!sent->second.admit(readU16(data + 2), Bytes(data, size), seed_)) return SrtpStatus::kNumberUsed;
  return run(srtp_protect, outbound_, data, size);
}

SrtpStatus SrtpSession::protectRtcp(uint8_t* data, size_t& size) {
  return size < kMinRtcp ? SrtpStatus::kMalformed : run(srtp_protect_rtcp, outbound_, data, size);
}

SrtpStatus SrtpSession::unprotect(uint8_t* data, size_t& size) {
  if (size < kMinRtp) return SrtpStatus::kMalformed;
  const uint32_t ssrc = readU32(data + 8);
  const InboundSsrc* known = find(ssrc);
  const bool first = known == nullptr || !known->rtp;
  const bool wrapped = first && wrap_tries_ > 0 && readU16(data + 2) < kJustWrapped && size <= kMaxPacket;
  const SrtpStatus status =
      wrapped ? unprotectFirst(data, size, known != nullptr) : run(srtp_unprotect, inbound_, data, size);
  if (status == SrtpStatus::kOk) remember(ssrc).rtp = true;
  return status;
}

// RFC 3711 section 3.3.1: the first number is unknown to the receiver. The sender may already have wrapped.
SrtpStatus SrtpSession::unprotectFirst(uint8_t* data, size_t& size, bool known) {
  uint8_t packet[kMaxPacket];
  std::copy_n(data, size, packet);
  const uint32_t ssrc = readU32(data + 8);
  const SrtpStatus status = run(srtp_unprotect, inbound_, data, size);
  if (status != SrtpStatus::kAuthFailed) return status;
  --wrap_tries_;
  const srtp_policy_t policy = policyFor(keys_.profile, keys_.remote, {ssrc_specific, ssrc});
  if (!known && srtp_add_stream(inbound_, &policy) != srtp_err_status_ok) return status;
  std::copy_n(packet, size, data);
  srtp_set_stream_roc(inbound_, ssrc, 1);
  const SrtpStatus again = run(srtp_unprotect, inbound_, data, size);
  if (again == SrtpStatus::kOk) {
    wrap_tries_ = kMaxWrapTries;
    return again;
  }
  if (known) {
    srtp_set_stream_roc(inbound_, ssrc, 0);
  } else {
    srtp_remove_stream(inbound_, htonl(ssrc));
  }
  return status;
}

SrtpStatus SrtpSession::unprotectRtcp(uint8_t* data, size_t& size) {
  if (size < kMinRtcp) return SrtpStatus::kMalformed;
  const uint32_t ssrc = readU32(data + 4);
  const SrtpStatus status = run(srtp_unprotect_rtcp, inbound_, data, size);
  if (status == SrtpStatus::kOk) remember(ssrc);
  return status;
}

}  // namespace sluice::crypto
