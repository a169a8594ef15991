// The responses to the last requests of one client, so that a retransmitted request gets the same response
// (RFC 8489 section 6.3.1, RFC 8656 section 5).
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "source/base/archive.h"
#include "source/base/clock.h"
#include "source/base/random.h"
#include "source/codec/stun.h"

namespace sluice::stun_turn {

class Transactions {
 public:
  static constexpr size_t kMax = 8;
  static constexpr Duration kMemory = 40s;

  // Null unless this request got a response within kMemory.
  const std::vector<uint8_t>* find(const stun::Message& request, Instant now) const {
    for (const Entry& entry : entries_) {
      if (entry.id == request.id && entry.hash == hashOf(request.bytes) && now - entry.at < kMemory) {
        return &entry.answer;
      }
    }
    return nullptr;
  }

  void add(const stun::Message& request, Bytes answer, Instant now) {
    Entry entry{request.id, hashOf(request.bytes), now, {answer.begin(), answer.end()}};
    if (entries_.size() < kMax) {
      entries_.push_back(std::move(entry));
    } else {
      entries_[oldest_] = std::move(entry);
      oldest_ = (oldest_ + 1) % kMax;
    }
  }

  void archive(Archive& a) { a(entries_, oldest_); }

 private:
  struct Entry {
    stun::TransactionId id;
    size_t hash;
    Instant at;
    std::vector<uint8_t> answer;
    void archive(Archive& a) { a(id, hash, at, answer); }
  };
  static size_t hashOf(Bytes bytes) { return std::hash<std::string_view>()(asText(bytes)); }

  std::vector<Entry> entries_;
  size_t oldest_ = 0;
};

// Transaction ids of indications: they must differ and look random; no one checks them. SplitMix64.
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

}  // namespace sluice::stun_turn
