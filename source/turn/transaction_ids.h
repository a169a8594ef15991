// Transaction ids of indications: they must differ and look random; no one checks them. SplitMix64.
#pragma once

#include "source/base/bytes.h"
#include "source/base/random.h"
#include "source/codec/stun.h"

namespace sluice::turn {

class TransactionIds {
 public:
  stun::TransactionId next() {
    if (state_ == 0) state_ = randomU64();
    stun::TransactionId id;
    writeU64(&id[0], step());
    writeU32(&id[8], static_cast<uint32_t>(step()));
    return id;
  }

 private:
  uint64_t step() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    return z ^ z >> 31;
  }

  uint64_t state_ = 0;
};

}  // namespace sluice::turn
