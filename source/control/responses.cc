#include "source/control/responses.h"

#include <google/protobuf/util/json_util.h>

#include <string>

namespace sluice::control {

http::Response json(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  http::Response response{.content_type = "application/json"};
  static_cast<void>(google::protobuf::util::MessageToJsonString(message, &response.body, options));
  return response;
}

// The status says what is wrong with the request as a whole: its room, its version or its fields.
http::Response refusal(const Errors& errors) {
  const std::string& path = errors.front().path;
  if (path == "room" || path == "listener" || path == "speaker") {
    return http::error(404, errors.front().message, path);
  }
  if (path == "expected_version") return http::error(409, errors.front().message, path);
  return http::errors(400, "the request was refused, and nothing changed", errors);
}

}  // namespace sluice::control
