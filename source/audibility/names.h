// Numbers for names, so that the data path compares numbers. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/base/archive.h"

namespace sluice::audibility {

class Names {
 public:
  static constexpr size_t kMaxNames = 65'536;
  static constexpr uint32_t kNone = 0;  // the number of the empty name

  // The number of `name`, a new one if the name is new; nullopt if the table is full.
  std::optional<uint32_t> intern(std::string_view name);
  // nullopt if no such name was interned.
  std::optional<uint32_t> find(std::string_view name) const;
  // `number` must be one of this table's.
  const std::string& text(uint32_t number) const { return texts_[number]; }

  size_t size() const { return numbers_.size(); }
  // All numbers are below this.
  size_t bound() const { return texts_.size(); }
  // Removes the names for which `used`, of size bound(), is false. Their numbers are given to later names.
  void keep(const std::vector<bool>& used);

  void archive(Archive& a);

 private:
  std::vector<std::string> texts_ = {""};  // by number; a free number's text is empty
  std::map<std::string, uint32_t, std::less<>> numbers_;
  std::vector<uint32_t> free_;
};

}  // namespace sluice::audibility
