// The comments of a .proto file's fields, which the linked descriptors do not have.
#pragma once

#include <map>
#include <string>

namespace sluice::test {

// By a field's name without the package, such as "Pacer.Adaptation.alpha". A field without a comment directly
// below another one shares its comment.
std::map<std::string, std::string> protoComments(const std::string& file);

}  // namespace sluice::test
