#include "source/base/closest_name.h"

#include <algorithm>
#include <cctype>
#include <numeric>

namespace sluice {
namespace {

constexpr size_t kLongestName = 200;  // longer ones are no misspelling of a name

char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

// Levenshtein distance, one row at a time.
size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (lower(a[i]) == lower(b[j]) ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
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
