// From a place in a text-format file to the field that it lies in.
#pragma once

#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>

#include <string>

namespace sluice::config {

// The path of the innermost message that surrounds the place, "listeners[0].filter_chains[1]"; empty at the
// top. Also while that message is only half read. Line and column count from 0.
std::string fieldPathAt(const google::protobuf::Message& message,
                        const google::protobuf::TextFormat::ParseInfoTree& tree, int line, int column);

}  // namespace sluice::config
