// Describes the messages of a protobuf package, with their comments and the options of their fields.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace sluice::test {

// {"messages": {NAME: ...}, "enums": {NAME: ...}}: the messages of the package and all types of their fields,
// without the package in their names. `descriptor_set` is a file that protoc wrote with imports and source
// information.
nlohmann::json describeMessages(const std::string& descriptor_set, const std::string& package);

}  // namespace sluice::test
