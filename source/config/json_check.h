// What in a JSON configuration does not fit its messages, with paths and places.
#pragma once

#include <google/protobuf/descriptor.h>

#include <string>
#include <string_view>

#include "source/base/result.h"
#include "source/config/json_tree.h"

namespace sluice::config {

// Unknown fields, values of a wrong type and missing "@type"s below `root`, a message of type `type`. `text`
// is what the tree was read from, `name` stands for it in errors. Values are not quoted.
Errors checkJson(const JsonNode& root, const google::protobuf::Descriptor& type, std::string_view text,
                 const std::string& name);

}  // namespace sluice::config
