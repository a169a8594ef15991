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

constexpr size_t kSrtpTailroom = 148;  // bytes that protect() may need after the packet
// A client has one SSRC for each media section that it receives and reports on, one for its voice, and one
// for retransmissions of each: up to 64 media sections. One more replaces the least recently used.
constexpr size_t kMaxInboundSsrcs = 160;
constexpr size_t kMaxOutboundSsrcs = 1024;

enum class SrtpStatus { kOk, kAuthFailed, kReplayed, kTooManySsrcs, kMalformed, kNumberUsed };

class SrtpSession {
 public:
  static Result<std::unique_ptr<SrtpSession>> make(const SrtpKeys& keys);
  // Restores a session in another process, with all numbers used and seen. Null if it cannot be read.
  static std::unique_ptr<SrtpSession> load(Archive& in);
  void save(Archive& out);
  ~SrtpSession();
  SrtpSession(const SrtpSession&) = delete;
  SrtpSession& operator=(const SrtpSession&) = delete;

  // `data` holds a packet of `size` bytes, with kSrtpTailroom after it; `size` is updated. The same packet
  // may be protected again; kNumberUsed if another one had, or may have had, its number.
  SrtpStatus protect(uint8_t* data, size_t& size);
  SrtpStatus protectRtcp(uint8_t* data, size_t& size);
  // On anything but kOk the data is undefined and the session unchanged. An SSRC that was forgotten starts
  // again: its old packets are no longer recognized as replays.
  SrtpStatus unprotect(uint8_t* data, size_t& size);
  SrtpStatus unprotectRtcp(uint8_t* data, size_t& size);

  SrtpProfile profile() const { return keys_.profile; }

 private:
  static constexpr unsigned kMaxWrapTries = 16;

  struct InboundSsrc {
    uint32_t ssrc = 0;
    uint64_t last_use = 0;
    bool rtp = false;  // not only RTCP
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
  std::vector<InboundSsrc> inbound_ssrcs_;  // SSRCs with authenticated packets
  uint64_t inbound_uses_ = 0;
  unsigned wrap_tries_ = kMaxWrapTries;             // that may still fail: each creates and removes a stream
  std::unordered_map<uint32_t, SentNumbers> sent_;  // by SSRC
  const uint64_t seed_;
};

}  // namespace sluice::crypto
