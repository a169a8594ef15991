// Reads JSON into a message.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "source/base/result.h"

namespace sluice::config {

// Replaces the content of `message`. Errors carry the field's path and "NAME:LINE:COLUMN" where possible, and
// do not quote values. The type of an Any that is not linked in is not an error: the Any is left empty, with
// its type URL.
Status parseJson(std::string_view text, const std::string& name, google::protobuf::Message& message);

}  // namespace sluice::config
