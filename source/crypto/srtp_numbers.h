// The numbers of SRTP streams inside libsrtp, which has no public way to take them along to another process:
// packet indices that must never be used again (RFC 3711 section 9.1), and what was seen already.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "source/base/archive.h"

struct srtp_ctx_t_;

namespace sluice::crypto {

struct SrtpNumbers {
  uint32_t ssrc = 0;
  uint64_t index = 0;          // rollover counter and sequence number (RFC 3711 section 3.3.1)
  std::vector<uint32_t> seen;  // bits of the replay window
  uint32_t rtcp_index = 0;
  std::array<uint32_t, 4> rtcp_seen{};

  void archive(Archive& a) { a(ssrc, index, seen, rtcp_index, rtcp_seen); }
};

std::vector<SrtpNumbers> numbersOf(srtp_ctx_t_* context);
// The stream exists. False when libsrtp is set up otherwise.
bool setNumbers(srtp_ctx_t_* context, const SrtpNumbers& numbers);

}  // namespace sluice::crypto
