// Players by the number of a name: the members of each team, or the receivers of each channel. Immutable
// after sort().
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice::audibility {

class Groups {
 public:
  void add(uint32_t name, uint32_t index) { entries_.push_back(uint64_t{name} << 32 | index); }
  // Call it once, after the last add().
  void sort();

  // Calls visit(index) for each player of the group.
  template <typename Visit>
  void forEach(uint32_t name, Visit&& visit) const {
    for (size_t at = begin(name); at < entries_.size() && entries_[at] >> 32 == name; ++at) {
      visit(static_cast<uint32_t>(entries_[at]));
    }
  }

 private:
  size_t begin(uint32_t name) const;

  std::vector<uint64_t> entries_;  // the name in the upper half, the index in the lower
};

}  // namespace sluice::audibility
