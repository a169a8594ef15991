// Knows which fields are secrets, and hides what must not be shown of a configuration.
#pragma once

#include <google/protobuf/message.h>

namespace sluice::config {

// Whether the field is marked (sluice.secret).
bool isSecret(const google::protobuf::FieldDescriptor& field);

// Replaces the value of every field marked (sluice.secret) in `message`, also inside typed_config, by
// "[hidden]". Of a google.protobuf.Struct the keys stay. Fields that are not set stay so.
void hideSecrets(google::protobuf::Message& message);

}  // namespace sluice::config
