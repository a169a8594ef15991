// Counts the packets that one session dropped, by filter and reason. Allocates nothing and takes no lock.
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "source/base/archive.h"
#include "source/base/clock.h"

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

// The last drop, by name.
struct NamedDrop {
  std::string filter;  // as in NamedDrops
  std::string reason;
  Instant at;
};

// The last drop of one kind.
struct RecentDrop {
  std::string_view filter_type;  // empty: an end of the chain
  std::string_view reason;
  Duration ago;  // in tenths of seconds
};

// The first kPlaces kinds of drops are counted separately; the rest together. Counts saturate at 2^32-1.
class DropCounts {
 public:
  static constexpr size_t kPlaces = 12;
  struct Place {
    const FilterContext* filter;  // null: an end of the chain
    uint32_t packets;
    uint32_t reason : 8;  // index into the filter's drop reasons
    uint32_t at : 24;     // of the last one in this process, in ticks; 0: none
  };

  // Counts a drop at `now`.
  void add(const FilterContext* filter, uint32_t reason, Instant now) {
    last_ = static_cast<uint8_t>(restore(filter, reason, 1));
    last_at_ = now;
    if (last_ < used_) places_[last_].at = ticks(now);
  }
  // The time from the last drop of this kind in this process to `now`; nothing if there was none. The time of
  // a drop repeats after 19 days.
  static std::optional<Duration> since(const Place& place, Instant now) {
    if (place.at == 0) return std::nullopt;
    return ((ticks(now) - place.at) & kTickMask) * kTick;
  }
  // Adds drops that another process counted. Returns their place, or kPlaces for other().
  size_t restore(const FilterContext* filter, uint32_t reason, uint32_t packets) {
    for (size_t i = 0; i < used_; ++i) {
      if (places_[i].filter != filter || places_[i].reason != reason) continue;
      raise(places_[i].packets, packets);
      return i;
    }
    if (used_ == kPlaces) {
      addOther(packets);
      return kPlaces;
    }
    assert(reason <= std::numeric_limits<uint8_t>::max());
    Place& place = places_[used_];
    place.filter = filter;
    place.packets = packets;
    place.reason = static_cast<uint8_t>(reason);
    place.at = 0;
    return used_++;
  }
  void addOther(uint32_t packets) { raise(other_, packets); }

  // Moves the filter's counts to other(), since it is removed or its reasons change.
  void forget(const FilterContext* filter) {
    uint8_t kept = 0;
    uint8_t last = kPlaces;
    for (uint8_t i = 0; i < used_; ++i) {
      if (places_[i].filter == filter) {
        addOther(places_[i].packets);
        continue;
      }
      if (last_ == i) last = kept;
      places_[kept++] = places_[i];
    }
    used_ = kept;
    last_ = last;
  }

  // In order of first occurrence.
  std::span<const Place> places() const { return {places_.data(), used_}; }
  uint32_t other() const { return other_; }
  // The time of the last drop in this process; Instant{}: there was none.
  Instant lastAt() const { return last_at_; }
  // Its place; null: it is one of other().
  const Place* last() const { return last_ < used_ ? &places_[last_] : nullptr; }

 private:
  static constexpr Duration kTick = 100ms;
  static constexpr uint32_t kTickMask = (1U << 24) - 1;

  // Never 0.
  static uint32_t ticks(Instant at) {
    return std::max(static_cast<uint32_t>(at.time_since_epoch() / kTick) & kTickMask, 1U);
  }
  static void raise(uint32_t& count, uint32_t by) {
    count += std::min(by, std::numeric_limits<uint32_t>::max() - count);
  }

  std::array<Place, kPlaces> places_;
  Instant last_at_{};
  uint32_t other_ = 0;
  uint8_t used_ = 0;
  uint8_t last_ = kPlaces;
};

}  // namespace sluice::chain
