// Identifies secret fields, and hides the parts of a configuration that must not be shown.
#pragma once

#include <google/protobuf/message.h>

namespace sluice::config {

// True if the field is marked (sluice.secret).
bool isSecret(const google::protobuf::FieldDescriptor& field);

// Replaces the value of every field marked (sluice.secret) in `message`, also inside typed_config, by
// "[hidden]". The keys of a google.protobuf.Struct stay. Unset fields stay unset.
void hideSecrets(google::protobuf::Message& message);

}  // namespace sluice::config
