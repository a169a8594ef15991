// Counts the packets that one session dropped, by filter and reason. Allocates nothing and takes no lock.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>

#include "source/base/archive.h"

namespace sluice::chain {

class FilterContext;

// Drop counts by name, for statistics and for another process.
struct NamedDrops {
  std::string filter;  // empty: an end of the chain, or `reason` is kOther
  std::string reason;
  uint32_t packets = 0;
  void archive(Archive& a) { a(filter, reason, packets); }
  bool operator==(const NamedDrops&) const = default;

  // The reason for drops of filters that a reload removed, and for drops that found no free place.
  static constexpr const char* kOther = "other";
};

// The first kPlaces kinds of drops are counted separately; the rest together. Counts saturate at 2^32-1.
class DropCounts {
 public:
  static constexpr size_t kPlaces = 12;
  struct Place {
    const FilterContext* filter;  // null: an end of the chain
    uint32_t reason;              // index into the filter's drop reasons
    uint32_t packets;
  };

  void add(const FilterContext* filter, uint32_t reason, uint32_t packets = 1) {
    for (size_t i = 0; i < used_; ++i) {
      if (places_[i].filter != filter || places_[i].reason != reason) continue;
      return raise(places_[i].packets, packets);
    }
    if (used_ == kPlaces) return addOther(packets);
    places_[used_++] = {filter, reason, packets};
  }
  void addOther(uint32_t packets) { raise(other_, packets); }

  // For when the filter is removed or its reasons change: moves its counts to other().
  void forget(const FilterContext* filter) {
    const auto kept = std::remove_if(places_.begin(), places_.begin() + used_, [&](const Place& place) {
      if (place.filter == filter) addOther(place.packets);
      return place.filter == filter;
    });
    used_ = static_cast<uint32_t>(kept - places_.begin());
  }

  // In order of first occurrence.
  std::span<const Place> places() const { return {places_.data(), used_}; }
  uint32_t other() const { return other_; }

 private:
  static void raise(uint32_t& count, uint32_t by) {
    count += std::min(by, std::numeric_limits<uint32_t>::max() - count);
  }

  std::array<Place, kPlaces> places_;
  uint32_t used_ = 0;
  uint32_t other_ = 0;
};

}  // namespace sluice::chain
