#include "source/audibility/names.h"

namespace sluice::audibility {

std::optional<uint32_t> Names::intern(std::string_view name) {
  if (const auto known = find(name)) return known;
  uint32_t number = static_cast<uint32_t>(texts_.size());
  if (!free_.empty()) {
    number = free_.back();
    free_.pop_back();
    texts_[number] = name;
  } else if (texts_.size() < kMaxNames) {
    texts_.emplace_back(name);
  } else {
    return std::nullopt;
  }
  numbers_.emplace(name, number);
  return number;
}

std::optional<uint32_t> Names::find(std::string_view name) const {
  if (name.empty()) return kNone;
  const auto it = numbers_.find(name);
  if (it == numbers_.end()) return std::nullopt;
  return it->second;
}

void Names::keep(const std::vector<bool>& used) {
  for (auto it = numbers_.begin(); it != numbers_.end();) {
    if (used[it->second]) {
      ++it;
      continue;
    }
    texts_[it->second].clear();
    free_.push_back(it->second);
    it = numbers_.erase(it);
  }
}

void Names::archive(Archive& a) {
  a(texts_);
  if (!a.isReading()) return;
  numbers_.clear();
  free_.clear();
  if (texts_.empty() || !texts_[0].empty() || texts_.size() > kMaxNames) {
    texts_ = {""};
    return a.fail();
  }
  for (uint32_t number = 1; number < texts_.size(); ++number) {
    if (texts_[number].empty()) {
      free_.push_back(number);
    } else if (!numbers_.emplace(texts_[number], number).second) {
      a.fail();
    }
  }
}

}  // namespace sluice::audibility
