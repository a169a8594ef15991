// Responses that carry messages of the control API, or the errors of a request.
#pragma once

#include <google/protobuf/message.h>

#include "source/base/result.h"
#include "source/http/message.h"

namespace sluice::control {

// 200 with the message; every field is present.
http::Response json(const google::protobuf::Message& message);

// 404 if the room or a player of the request does not exist, 409 for another version, otherwise 400.
http::Response refusal(const Errors& errors);

}  // namespace sluice::control
