// Counts the packets that one session dropped, by filter and reason. It takes no memory from the heap and no
// lock.
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

// For people, and for another process.
struct NamedDrops {
  std::string filter;  // empty: at an end of the chain, or `reason` is kOther
  std::string reason;
  uint32_t packets = 0;
  void archive(Archive& a) { a(filter, reason, packets); }
  bool operator==(const NamedDrops&) const = default;

  // The reason of drops of filters that a reload removed, and of reasons for which there was no place.
  static constexpr const char* kOther = "other";
};

// The first kPlaces kinds of drops have a count of their own; the rest counts together. Counts stop at 2^32
// - 1.
class DropCounts {
 public:
  static constexpr size_t kPlaces = 12;
  struct Place {
    const FilterContext* filter;  // null: an end of the chain
    uint32_t reason;              // the index into its names
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

  // The filter goes, or its reasons change.
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
