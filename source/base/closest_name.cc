#include "source/base/closest_name.h"

#include <algorithm>
#include <cctype>
#include <numeric>

namespace sluice {
namespace {

constexpr size_t kLongestName = 200;  // longer texts are not misspelled names

char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

// The number of characters that must be inserted, removed, replaced or swapped with their neighbour (optimal
// string alignment).
size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), size_t{0});
  const auto same = [&](size_t i, size_t j) { return lower(a[i]) == lower(b[j]); };
  for (size_t i = 0; i < a.size(); ++i) {
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      row[j + 1] = std::min({last[j] + (same(i, j) ? 0 : 1), row[j] + 1, last[j + 1] + 1});
      const bool swapped = i > 0 && j > 0 && same(i, j - 1) && same(i - 1, j);
      if (swapped) row[j + 1] = std::min(row[j + 1], before_last[j - 1] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last.back();
}

}  // namespace

std::string closestName(std::string_view name, const std::vector<std::string>& candidates) {
  if (name.size() > kLongestName) return {};
  const std::string* closest = nullptr;
  size_t smallest = 0;
  for (const std::string& candidate : candidates) {
    const size_t distance = editDistance(name, candidate);
    if (distance > std::max(name.size(), candidate.size()) / 3) continue;
    if (closest != nullptr && distance >= smallest) continue;
    closest = &candidate;
    smallest = distance;
  }
  return closest != nullptr ? *closest : std::string();
}

std::string didYouMean(std::string_view name, const std::vector<std::string>& candidates) {
  const std::string closest = closestName(name, candidates);
  return closest.empty() ? std::string() : "; did you mean " + closest + "?";
}

}  // namespace sluice
