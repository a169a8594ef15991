#include "source/audibility/tag_table.h"

namespace sluice::audibility {

std::optional<uint64_t> TagTable::intern(std::string_view tag) {
  if (const uint64_t known = find(tag)) return known;
  for (size_t bit = 0; bit < kMaxTags; ++bit) {
    if (!texts_[bit].empty()) continue;
    texts_[bit] = tag;
    return uint64_t{1} << bit;
  }
  return std::nullopt;
}

uint64_t TagTable::find(std::string_view tag) const {
  for (size_t bit = 0; bit < kMaxTags; ++bit) {
    if (!tag.empty() && texts_[bit] == tag) return uint64_t{1} << bit;
  }
  return 0;
}

std::vector<std::string> TagTable::texts(uint64_t mask) const {
  std::vector<std::string> texts;
  for (size_t bit = 0; bit < kMaxTags; ++bit) {
    if ((mask >> bit & 1) != 0) texts.push_back(texts_[bit]);
  }
  return texts;
}

void TagTable::keep(uint64_t used) {
  for (size_t bit = 0; bit < kMaxTags; ++bit) {
    if ((used >> bit & 1) == 0) texts_[bit].clear();
  }
}

}  // namespace sluice::audibility
