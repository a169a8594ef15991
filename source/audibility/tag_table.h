// The tags of a room, each of which is one bit of a mask. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/base/archive.h"

namespace sluice::audibility {

class TagTable {
 public:
  static constexpr size_t kMaxTags = 64;

  // The bit of `tag`, which is not empty; nullopt if 64 other tags are in use.
  std::optional<uint64_t> intern(std::string_view tag);
  // 0 if the tag has no bit.
  uint64_t find(std::string_view tag) const;
  std::vector<std::string> texts(uint64_t mask) const;

  // Frees the bits that are not in `used`.
  void keep(uint64_t used);

  void archive(Archive& a) { a(texts_); }

 private:
  std::array<std::string, kMaxTags> texts_;  // by bit; empty: free
};

}  // namespace sluice::audibility
