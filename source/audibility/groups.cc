#include "source/audibility/groups.h"

#include <algorithm>

namespace sluice::audibility {

void Groups::sort() {
  std::sort(entries_.begin(), entries_.end());
}

size_t Groups::begin(uint32_t name) const {
  const auto it = std::lower_bound(entries_.begin(), entries_.end(), uint64_t{name} << 32);
  return static_cast<size_t>(it - entries_.begin());
}

}  // namespace sluice::audibility
