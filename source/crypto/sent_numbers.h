// The last sequence numbers of one outbound SRTP stream and the packet sent under each. A number that is
// reused for another packet would reuse the keystream (RFC 3711 section 9.1, RFC 7714 section 8.4); the same
// packet may be sent again.
#pragma once

#include <array>
#include <cstdint>

#include "source/base/archive.h"

namespace sluice::crypto {

class SentNumbers {
 public:
  static constexpr size_t kWindow = 256;  // packets

  // False: this packet must not be sent. `seed` is a secret and the same for all calls, so that no one who
  // chooses payloads can make two that look equal.
  bool admit(uint16_t number, Bytes packet, uint64_t seed);

  // The archive records which numbers were used, but not for which packets: after reading, none of them is
  // admitted again.
  void archive(Archive& a);

 private:
  std::array<uint64_t, kWindow> prints_{};  // by number; 0: not used
  uint16_t highest_ = 0;
  bool started_ = false;
};

}  // namespace sluice::crypto
