// The numbers of SRTP streams inside libsrtp, which has no public way to hand them over to another process:
// packet indices that must never be reused (RFC 3711 section 9.1), and the packets already seen.
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
// False if there is no such stream, or its replay window has another size.
bool setNumbers(srtp_ctx_t_* context, const SrtpNumbers& numbers);

}  // namespace sluice::crypto
