// The responses to the last requests of one client, so that a retransmitted request gets the same response
// (RFC 8489 section 6.3.1, RFC 8656 section 5).
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "source/base/archive.h"
#include "source/base/clock.h"
#include "source/codec/stun.h"

namespace sluice::turn {

class Transactions {
 public:
  static constexpr size_t kMax = 8;
  static constexpr Duration kMemory = 40s;

  // Null unless this request got a response within kMemory.
  const std::vector<uint8_t>* find(const stun::Message& request, Instant now) const {
    for (const Entry& entry : entries_) {
      if (entry.id == request.id && entry.hash == hashOf(request.bytes) && now - entry.at < kMemory) {
        return &entry.response;
      }
    }
    return nullptr;
  }

  void add(const stun::Message& request, Bytes response, Instant now) {
    Entry entry{request.id, hashOf(request.bytes), now, {response.begin(), response.end()}};
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
    std::vector<uint8_t> response;
    void archive(Archive& a) { a(id, hash, at, response); }
  };
  static size_t hashOf(Bytes bytes) { return std::hash<std::string_view>()(asText(bytes)); }

  std::vector<Entry> entries_;
  size_t oldest_ = 0;
};

}  // namespace sluice::turn
