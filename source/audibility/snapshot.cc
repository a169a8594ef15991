#include "source/audibility/snapshot.h"

#include <algorithm>

namespace sluice::audibility {

std::span<const PairOverride> Snapshot::overridesOf(uint32_t speaker) const {
  const auto range = std::ranges::equal_range(*overrides, speaker, {}, &PairOverride::speaker);
  return {range.begin(), range.end()};
}

}  // namespace sluice::audibility
