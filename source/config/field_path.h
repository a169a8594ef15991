// Maps a position in a text-format file to the field that contains it.
#pragma once

#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>

#include <string>

namespace sluice::config {

// The path of the innermost message around the position, such as "listeners[0].filter_chains[1]"; empty at
// the top level. Also works for a message that is only partly read. Line and column count from 0.
std::string fieldPathAt(const google::protobuf::Message& message,
                        const google::protobuf::TextFormat::ParseInfoTree& tree, int line, int column);

}  // namespace sluice::config
