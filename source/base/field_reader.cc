#include "source/base/field_reader.h"

#include <google/protobuf/descriptor.h>

#include <cassert>
#include <sstream>

namespace sluice {
namespace {

using google::protobuf::FieldDescriptor;

const FieldDescriptor* find(const google::protobuf::Message& message, const char* name) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  assert(field != nullptr);
  return message.GetReflection()->HasField(message, field) ? field : nullptr;
}

double number(const google::protobuf::Message& message, const FieldDescriptor* field) {
  const auto& reflection = *message.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection.GetDouble(message, field);
    case FieldDescriptor::CPPTYPE_UINT64:
      return static_cast<double>(reflection.GetUInt64(message, field));
    default:
      return reflection.GetUInt32(message, field);
  }
}

}  // namespace

std::optional<double> FieldReader::read(const char* name, double low, double high) {
  const FieldDescriptor* field = find(message_, name);
  if (field == nullptr) return std::nullopt;
  const double value = number(message_, field);
  if (value >= low && value <= high) return value;
  std::ostringstream text;
  text.precision(12);
  text << "must be " << low << " to " << high;
  fail(name, text.str());
  return std::nullopt;
}

void FieldReader::takeFlag(const char* name, bool& out) const {
  if (const FieldDescriptor* field = find(message_, name))
    out = message_.GetReflection()->GetBool(message_, field);
}

}  // namespace sluice
