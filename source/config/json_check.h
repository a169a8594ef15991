// Checks a JSON configuration against its message types and reports errors with paths and positions.
#pragma once

#include <google/protobuf/descriptor.h>

#include <string>
#include <string_view>

#include "source/base/result.h"
#include "source/config/json_tree.h"

namespace sluice::config {

// Unknown fields, values of a wrong type and missing "@type"s below `root`, a message of type `type`. `text`
// is the text of the tree, `name` its name in errors. Values are not quoted. At most 100 errors.
Errors checkJson(const JsonNode& root, const google::protobuf::Descriptor& type, std::string_view text,
                 const std::string& name);

}  // namespace sluice::config
