// A uniform grid over the players' positions, to find the players near a point. Immutable.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "source/audibility/player_state.h"
#include "source/base/hash.h"

namespace sluice::audibility {

class Grid {
 public:
  // `cell` is the edge of a cell in world units, > 0. Players are sorted by cell with a counting sort.
  Grid(std::span<const PlayerState> players, float cell);

  // Calls visit(index), once each, for the players of `world` within `radius` of `centre`. A player that is
  // further away by less than a millionth of the radius may be visited too.
  template <typename Visit>
  void near(uint32_t world, const Vector3& centre, float radius, Visit&& visit) const;

 private:
  struct Entry {
    Vector3 position;
    uint32_t world;
    uint32_t index;
  };
  using Cell = std::array<int64_t, 3>;
  static constexpr size_t kMaxBuckets = 128;  // per query; a query with more cells scans all entries

  int64_t cellOf(double coordinate) const {
    constexpr double kMost = 1e18;  // far beyond every player
    return static_cast<int64_t>(std::clamp(std::floor(coordinate / cell_), -kMost, kMost));
  }
  Cell cellOf(const Vector3& at) const { return {cellOf(at.x), cellOf(at.y), cellOf(at.z)}; }
  uint32_t bucketOf(uint32_t world, const Cell& cell) const {
    uint64_t hash = world;
    for (const int64_t part : cell) hash = multiplyAndFold(hash ^ static_cast<uint64_t>(part));
    return static_cast<uint32_t>(hash & mask_);
  }
  // Writes the distinct buckets of the cells around `centre`; returns their number, or kMaxBuckets if there
  // are too many.
  size_t findBuckets(uint32_t world, const Vector3& centre, double radius,
                     std::array<uint32_t, kMaxBuckets>& buckets) const;

  const double cell_;
  uint64_t mask_ = 0;             // the number of buckets, a power of two, minus 1
  Cell least_{};                  // the smallest coordinates of all entries' cells
  Cell most_{};                   // the largest ones
  std::vector<uint32_t> begins_;  // the first entry of each bucket, and the end of the last bucket
  std::vector<Entry> entries_;
};

template <typename Visit>
void Grid::near(uint32_t world, const Vector3& centre, float radius, Visit&& visit) const {
  if (entries_.empty()) return;
  const double slack = double{radius} * (1 + 1e-6);
  const auto square = static_cast<float>(slack * slack * (1 + 1e-6));
  const auto scan = [&](size_t begin, size_t end) {
    for (size_t at = begin; at < end; ++at) {
      const Entry& entry = entries_[at];
      const Vector3 to = entry.position - centre;
      if (dot(to, to) <= square && entry.world == world) visit(entry.index);
    }
  };
  std::array<uint32_t, kMaxBuckets> buckets;
  const size_t count = findBuckets(world, centre, slack, buckets);
  if (count == kMaxBuckets) return scan(0, entries_.size());
  for (size_t i = 0; i < count; ++i) scan(begins_[buckets[i]], begins_[buckets[i] + 1]);
}

}  // namespace sluice::audibility
