// Reads a file into a Bootstrap. Checks the syntax only; the values are checked when a generation is built.
#pragma once

#include <string>
#include <string_view>

#include "api/config.pb.h"
#include "source/base/result.h"

namespace sluice::config {

enum class Format { kText, kJson };

struct Text {
  std::string text;
  Format format;
};
// The file name extension selects the format: .textproto and .pbtxt, or .json.
Result<Text> readText(const std::string& path);
// Errors carry the field's path and "file:line:column" where possible.
Result<Bootstrap> loadFile(const std::string& path);

// `name` is the file name in errors. An unknown filter type is not an error here: its typed_config is left
// empty, with its type URL, so that validation can name the field.
Result<Bootstrap> parse(std::string_view text, Format format, const std::string& name);

}  // namespace sluice::config
