// Errors of the text-format parser in words that quote nothing of the file, which may hold secrets.
#pragma once

#include <string>
#include <string_view>

namespace sluice::config {

// What `message`, of protobuf's text-format parser, says, without the text that it found. `rest` is the file
// from the place of the error on.
std::string describeTextError(const std::string& message, std::string_view rest);

// The field that does not exist, of 'Message type "sluice.Listener" has no field named "nmae".', or empty.
// `before` is the file up to the field's end, `rest` what follows. Also empty when this does not look like a
// field: then it may be a part of a string whose quotation marks are wrong.
std::string unknownField(const std::string& message, std::string_view before, std::string_view rest);

// "sluice.Listener has no such field; did you mean name?", of a field of `type`.
std::string describeUnknownField(const std::string& type, const std::string& field);

}  // namespace sluice::config
