// Rewords errors of the text-format parser so that they do not quote the file, which may hold secrets.
#pragma once

#include <string>
#include <string_view>

namespace sluice::config {

// Rewords `message`, an error of protobuf's text-format parser, without the text that it found. `rest` is the
// file from the position of the error on.
std::string describeTextError(const std::string& message, std::string_view rest);

// The unknown field in a message like 'Message type "sluice.Listener" has no field named "nmae".', or empty.
// `before` is the file up to the field's end, `rest` the text after it. Also empty if it does not look like a
// field: it may then be part of a string with wrong quotation marks.
std::string unknownField(const std::string& message, std::string_view before, std::string_view rest);

// "sluice.Listener has no such field; did you mean name?", for a field of `type`.
std::string describeUnknownField(const std::string& type, const std::string& field);

}  // namespace sluice::config
