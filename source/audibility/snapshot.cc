#include "source/audibility/snapshot.h"

#include <algorithm>

namespace sluice::audibility {

std::span<const PairOverride> Snapshot::overridesOf(uint32_t speaker) const {
  const auto begin = std::ranges::lower_bound(*overrides, speaker, {}, &PairOverride::speaker);
  const auto end = std::ranges::upper_bound(*overrides, speaker, {}, &PairOverride::speaker);
  return {begin, end};
}

}  // namespace sluice::audibility
