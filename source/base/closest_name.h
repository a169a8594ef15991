// Finds the name that a user probably meant, for "did you mean" in error messages.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice {

// The candidate with the smallest edit distance to `name`, if at most a third of the longer one's characters
// differ; otherwise empty. Ignores case. Control path only: the cost is the product of the lengths.
std::string closestName(std::string_view name, const std::vector<std::string>& candidates);

// "; did you mean X?", or empty if no candidate is close.
std::string didYouMean(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace sluice
