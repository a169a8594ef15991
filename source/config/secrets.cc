#include "source/config/secrets.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/struct.pb.h>

#include <memory>

#include "api/secret.pb.h"

namespace sluice::config {
namespace {

using google::protobuf::Any;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::Struct;

constexpr const char* kHidden = "[hidden]";

void hideIn(Struct& values) {
  for (auto& [key, value] : *values.mutable_fields()) value.set_string_value(kHidden);
}

// The content of a type that is not linked in is unknown: all of it is removed.
void hideIn(Any& any) {
  std::string name;
  if (!Any::ParseAnyTypeUrl(any.type_url(), &name)) return;
  const auto* type = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(name);
  if (type == nullptr) return;
  const std::unique_ptr<Message> content(MessageFactory::generated_factory()->GetPrototype(type)->New());
  if (!content->ParseFromString(any.value())) return;
  hideSecrets(*content);
  any.set_value(content->SerializeAsString());
}

void hideString(Message& message, const FieldDescriptor* field) {
  const auto& reflection = *message.GetReflection();
  if (!field->is_repeated()) return reflection.SetString(&message, field, kHidden);
  for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
    reflection.SetRepeatedString(&message, field, i, kHidden);
  }
}

void hideInMessage(Message& message, bool secret) {
  if (auto* any = dynamic_cast<Any*>(&message)) return hideIn(*any);
  if (auto* values = dynamic_cast<Struct*>(&message); values != nullptr && secret) return hideIn(*values);
  hideSecrets(message);
}

}  // namespace

bool isSecret(const FieldDescriptor& field) {
  return field.options().GetExtension(sluice::secret);
}

void hideSecrets(Message& message) {
  const auto& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const bool secret = isSecret(*field);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING && secret) hideString(message, field);
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field->is_map()) continue;
    if (!field->is_repeated()) {
      hideInMessage(*reflection.MutableMessage(&message, field), secret);
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      hideInMessage(*reflection.MutableRepeatedMessage(&message, field, i), secret);
    }
  }
}

}  // namespace sluice::config
