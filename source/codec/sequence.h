// Arithmetic on 16-bit RTP sequence numbers, which wrap.
#pragma once

#include <cstdint>

namespace sluice::rtp {

// The first sequence number of a stream, from a random number: below 2^15. A receiver that misses the first
// packets then cannot miss a rollover with them, from which SRTP would never recover (RFC 3711 section
// 3.3.1).
inline uint16_t firstSequence(uint32_t random) {
  return static_cast<uint16_t>(random & 0x7FFF);
}

// The distance from `from` to `to` modulo 2^16, as a signed number: negative if `to` is older.
inline int16_t sequenceDistance(uint16_t from, uint16_t to) {
  return static_cast<int16_t>(static_cast<uint16_t>(to - from));
}

// Unrolls sequence numbers into 64 bits. The first one starts in cycle 1, so that earlier ones do not
// underflow.
class SequenceExtender {
 public:
  // Advances if `sequence` is newer than all before.
  int64_t extend(uint16_t sequence) {
    if (highest_ < 0) return highest_ = 0x10000 + sequence;
    const int64_t extended = highest_ + sequenceDistance(static_cast<uint16_t>(highest_), sequence);
    if (extended > highest_) highest_ = extended;
    return extended;
  }
  bool empty() const { return highest_ < 0; }
  int64_t highest() const { return highest_; }

 private:
  int64_t highest_ = -1;
};

}  // namespace sluice::rtp
