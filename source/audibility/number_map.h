// A map from players' numbers to indices: one array, no allocation per entry.
#pragma once

#include <cstdint>
#include <vector>

#include "source/base/hash.h"

namespace sluice::audibility {

class NumberMap {
 public:
  static constexpr uint32_t kAbsent = UINT32_MAX;

  // kAbsent if there is no entry. There is never one for 0.
  uint32_t find(uint32_t number) const {
    for (size_t at = home(number);; at = next(at)) {
      if (cells_[at].number == 0) return kAbsent;
      if (cells_[at].number == number) return cells_[at].value;
    }
  }

  // Adds or replaces. `number` is not 0.
  void set(uint32_t number, uint32_t value) {
    if ((size_ + 1) * 2 > cells_.size()) grow();
    size_t at = home(number);
    while (cells_[at].number != 0 && cells_[at].number != number) at = next(at);
    if (cells_[at].number == 0) ++size_;
    cells_[at] = {number, value};
  }

  void erase(uint32_t number) {
    size_t hole = home(number);
    for (; cells_[hole].number != number; hole = next(hole)) {
      if (cells_[hole].number == 0) return;
    }
    if (number == 0) return;
    --size_;
    // An entry moves back into the hole unless the hole is before its home.
    for (size_t at = next(hole); cells_[at].number != 0; at = next(at)) {
      if (distance(home(cells_[at].number), at) < distance(hole, at)) continue;
      cells_[hole] = cells_[at];
      hole = at;
    }
    cells_[hole] = {};
  }

  size_t size() const { return size_; }

 private:
  struct Cell {
    uint32_t number = 0;
    uint32_t value = 0;
  };

  size_t home(uint32_t number) const { return multiplyAndFold(number) & (cells_.size() - 1); }
  size_t next(size_t at) const { return (at + 1) & (cells_.size() - 1); }
  size_t distance(size_t from, size_t to) const { return (to - from) & (cells_.size() - 1); }

  void grow() {
    std::vector<Cell> old(cells_.size() * 2);
    old.swap(cells_);
    size_ = 0;
    for (const Cell& cell : old) {
      if (cell.number != 0) set(cell.number, cell.value);
    }
  }

  std::vector<Cell> cells_ = std::vector<Cell>(8);  // a power of two, at most half full
  size_t size_ = 0;
};

}  // namespace sluice::audibility
