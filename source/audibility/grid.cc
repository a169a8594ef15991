#include "source/audibility/grid.h"

#include <algorithm>
#include <bit>

namespace sluice::audibility {

Grid::Grid(std::span<const PlayerState> players, float cell) : cell_(cell) {
  if (players.empty()) return;
  mask_ = std::bit_ceil(players.size() * 2) - 1;
  begins_.assign(mask_ + 2, 0);
  entries_.resize(players.size());
  std::vector<uint32_t> buckets(players.size());
  least_ = most_ = cellOf(players[0].position);
  for (size_t i = 0; i < players.size(); ++i) {
    const Cell at = cellOf(players[i].position);
    for (size_t axis = 0; axis < at.size(); ++axis) {
      least_[axis] = std::min(least_[axis], at[axis]);
      most_[axis] = std::max(most_[axis], at[axis]);
    }
    buckets[i] = bucketOf(players[i].world, at);
    ++begins_[buckets[i] + 1];
  }
  for (size_t bucket = 1; bucket < begins_.size(); ++bucket) begins_[bucket] += begins_[bucket - 1];
  std::vector<uint32_t> next(begins_.begin(), begins_.end() - 1);
  for (uint32_t i = 0; i < players.size(); ++i) {
    entries_[next[buckets[i]]++] = {players[i].position, players[i].world, i};
  }
}

size_t Grid::findBuckets(uint32_t world, const Vector3& centre, double radius,
                         std::array<uint32_t, kMaxBuckets>& buckets) const {
  const std::array<double, 3> at = {centre.x, centre.y, centre.z};
  Cell low, high;
  double cells = 1;
  for (size_t axis = 0; axis < at.size(); ++axis) {
    low[axis] = std::max(cellOf(at[axis] - radius), least_[axis]);
    high[axis] = std::min(cellOf(at[axis] + radius), most_[axis]);
    if (low[axis] > high[axis]) return 0;
    cells *= static_cast<double>(high[axis] - low[axis] + 1);
  }
  if (cells >= kMaxBuckets) return kMaxBuckets;
  size_t count = 0;
  for (int64_t x = low[0]; x <= high[0]; ++x) {
    for (int64_t y = low[1]; y <= high[1]; ++y) {
      for (int64_t z = low[2]; z <= high[2]; ++z) buckets[count++] = bucketOf(world, {x, y, z});
    }
  }
  // Cells may share a bucket.
  std::sort(buckets.begin(), buckets.begin() + static_cast<ptrdiff_t>(count));
  return static_cast<size_t>(std::unique(buckets.begin(), buckets.begin() + static_cast<ptrdiff_t>(count)) -
                             buckets.begin());
}

}  // namespace sluice::audibility
