// Transaction ids of indications. They must differ, and need not be unpredictable, since an indication has no
// response.
#pragma once

#include "source/base/bytes.h"
#include "source/base/hash.h"
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
  uint64_t step() { return splitMix64(state_ += kGoldenRatio64); }

  uint64_t state_ = 0;
};

}  // namespace sluice::turn
