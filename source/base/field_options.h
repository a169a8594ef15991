// Applies the ranges and defaults of api/options.proto to a configuration message.
#pragma once

#include <google/protobuf/message.h>

#include "source/base/result.h"

namespace sluice {

// Gives absent fields their defaults, and creates absent messages that are marked (sluice.implied), at every
// depth. A default of 0 sets nothing, because an absent number reads as 0. Returns one error, with the
// field's path, for each number outside its range and each enum without a known value. Such a number becomes
// the field's default, or the nearest bound if it has none, and such an enum its first value, so that the
// remaining checks have usable values; numbers in repeated fields stay unchanged.
// Stops after about a hundred errors. Does not look into maps, and does not choose a member of a oneof.
Errors applyFieldOptions(google::protobuf::Message& message);

}  // namespace sluice
