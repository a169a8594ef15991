// JSON as a tree whose values have their position in the text, for error messages.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "source/base/result.h"

namespace sluice::config {

struct JsonNode {
  enum class Kind { kNull, kBoolean, kNumber, kString, kList, kObject };

  Kind kind = Kind::kNull;
  size_t offset = 0;   // where the value's key begins in the text; without a key, where the value ends
  std::string text{};  // of kString; of kNumber the digits
  std::vector<std::pair<std::string, JsonNode>> members{};  // of kObject; of kList with empty keys

  const JsonNode* find(std::string_view key) const;
};

// "line:column", both from 1, of an offset into the text.
std::string placeIn(std::string_view text, size_t offset);

// The error has the path of the innermost open value, and "NAME:LINE:COLUMN: " before its message. It does
// not quote the text.
Result<JsonNode> parseJsonTree(std::string_view text, const std::string& name);

}  // namespace sluice::config
