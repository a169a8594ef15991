// Reads a fuzz target's input as a sequence of values. Missing values at the end read as zeros and as empty
// bytes.
#pragma once

#include <algorithm>
#include <cstdint>

#include "source/base/bytes.h"

namespace sluice::fuzz {

class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(data, size) {}

  bool atEnd() const { return rest_.empty(); }
  uint8_t u8() {
    const Bytes byte = take(1);
    return byte.empty() ? 0 : byte[0];
  }
  int8_t i8() { return static_cast<int8_t>(u8()); }
  uint16_t u16() {
    const Bytes bytes = take(2);
    return bytes.size() < 2 ? 0 : readU16(bytes.data());
  }
  // A length of two bytes, reduced to 0 to `max`, and as many bytes.
  Bytes bytes(size_t max) { return take(u16() % (max + 1)); }
  Bytes rest() { return take(rest_.size()); }

 private:
  Bytes take(size_t n) {
    const Bytes taken = rest_.first(std::min(n, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

  Bytes rest_;
};

}  // namespace sluice::fuzz
