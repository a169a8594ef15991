// SRTP and SRTCP of one session (RFC 3711, RFC 7714) on libsrtp2. Works in place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "source/base/archive.h"
#include "source/base/result.h"
#include "source/crypto/sent_numbers.h"
#include "source/crypto/srtp_keys.h"

struct srtp_ctx_t_;

namespace sluice::crypto {

constexpr size_t kSrtpTailroom = 148;  // bytes that protect() may need behind the packet
// A client has one SSRC for each line that it receives, when it reports on it, one for its voice, and one for
// retransmissions of each: up to 64 lines. One more takes the place of the one that was used longest ago.
constexpr size_t kMaxInboundSsrcs = 160;
constexpr size_t kMaxOutboundSsrcs = 1024;

enum class SrtpStatus { kOk, kAuthFailed, kReplayed, kTooManySsrcs, kMalformed, kNumberUsed };

class SrtpSession {
 public:
  static Result<std::unique_ptr<SrtpSession>> make(const SrtpKeys& keys);
  // In another process, with all numbers that were used and seen. Null when that cannot be read.
  static std::unique_ptr<SrtpSession> load(Archive& in);
  void save(Archive& out);
  ~SrtpSession();
  SrtpSession(const SrtpSession&) = delete;
  SrtpSession& operator=(const SrtpSession&) = delete;

  // `data` holds a packet of `size` bytes, with kSrtpTailroom behind it; `size` is updated. A packet may be
  // protected again, as long as it is the same; kNumberUsed when another one had its number, or could have
  // had.
  SrtpStatus protect(uint8_t* data, size_t& size);
  SrtpStatus protectRtcp(uint8_t* data, size_t& size);
  // On anything but kOk the data is undefined and the session unchanged. An SSRC that was forgotten begins
  // again: its old packets are not known as replays any more.
  SrtpStatus unprotect(uint8_t* data, size_t& size);
  SrtpStatus unprotectRtcp(uint8_t* data, size_t& size);

  SrtpProfile profile() const { return keys_.profile; }

 private:
  static constexpr unsigned kMaxWrapTries = 16;

  struct InboundSsrc {
    uint32_t ssrc = 0;
    uint64_t last_use = 0;
    bool rtp = false;  // not RTCP alone
    void archive(Archive& a) { a(ssrc, last_use, rtp); }
  };

  SrtpSession(const SrtpKeys& keys, srtp_ctx_t_* inbound, srtp_ctx_t_* outbound);
  bool loadStreams(Archive& in);
  InboundSsrc* find(uint32_t ssrc);
  InboundSsrc& remember(uint32_t ssrc);
  SrtpStatus unprotectFirst(uint8_t* data, size_t& size, bool known);

  const SrtpKeys keys_;
  srtp_ctx_t_* const inbound_;
  srtp_ctx_t_* const outbound_;
  std::vector<InboundSsrc> inbound_ssrcs_;  // that authenticated
  uint64_t inbound_uses_ = 0;
  unsigned wrap_tries_ = kMaxWrapTries;  // that may still fail: each makes a stream and takes it away
  std::unordered_map<uint32_t, SentNumbers> sent_;  // by SSRC
  const uint64_t seed_;
};

}  // namespace sluice::crypto
