// From a file to a Bootstrap. Syntax only; what the values mean is checked when a generation is built.
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
// The format is that of the file's ending: .textproto and .pbtxt, or .json.
Result<Text> readFile(const std::string& path);
// Errors carry the field's path and "file:line:column" where they can.
Result<Bootstrap> loadFile(const std::string& path);

// `name` stands for the file in errors. A filter type that this binary does not know is no error here: its
// typed_config comes out empty, with its type URL, so that validation can name the field.
Result<Bootstrap> parse(std::string_view text, Format format, const std::string& name);

}  // namespace sluice::config
