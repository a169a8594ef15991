#include "source/base/field_options.h"

#include <google/protobuf/descriptor.h>

#include <sstream>
#include <string>

#include "api/options.pb.h"

namespace sluice {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// The value of a number or a bool, or of its `i`th element.
double read(const Message& message, const FieldDescriptor* field, int i) {
  const auto& reflection = *message.GetReflection();
  const bool repeated = field->is_repeated();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return repeated ? reflection.GetRepeatedInt32(message, field, i) : reflection.GetInt32(message, field);
    case FieldDescriptor::CPPTYPE_UINT32:
      return repeated ? reflection.GetRepeatedUInt32(message, field, i)
                      : reflection.GetUInt32(message, field);
    case FieldDescriptor::CPPTYPE_INT64:
      return static_cast<double>(repeated ? reflection.GetRepeatedInt64(message, field, i)
                                          : reflection.GetInt64(message, field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return static_cast<double>(repeated ? reflection.GetRepeatedUInt64(message, field, i)
                                          : reflection.GetUInt64(message, field));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return repeated ? reflection.GetRepeatedFloat(message, field, i) : reflection.GetFloat(message, field);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return repeated ? reflection.GetRepeatedDouble(message, field, i)
                      : reflection.GetDouble(message, field);
    default:
      return 0;
  }
}

void write(Message& message, const FieldDescriptor* field, double value) {
  const auto& reflection = *message.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection.SetInt32(&message, field, static_cast<int32_t>(value));
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection.SetUInt32(&message, field, static_cast<uint32_t>(value));
    case FieldDescriptor::CPPTYPE_INT64:
      return reflection.SetInt64(&message, field, static_cast<int64_t>(value));
    case FieldDescriptor::CPPTYPE_UINT64:
      return reflection.SetUInt64(&message, field, static_cast<uint64_t>(value));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return reflection.SetFloat(&message, field, static_cast<float>(value));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection.SetDouble(&message, field, value);
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.SetBool(&message, field, value != 0);
    default:
      return;
  }
}

constexpr size_t kMaxErrors = 100;

// False for NaN.
bool contains(const Range& range, double value) {
  return value >= range.min() && value <= range.max();
}

std::string describe(const Range& range) {
  std::ostringstream text;
  text.precision(12);
  text << "must be " << range.min() << " to " << range.max();
  return text.str();
}

// "must be A, B or C".
std::string describe(const EnumDescriptor& type) {
  std::string text = "must be ";
  for (int i = 0; i < type.value_count(); ++i) {
    if (i > 0) text += i + 1 < type.value_count() ? ", " : " or ";
    text += type.value(i)->name();
  }
  return text;
}

std::string indexed(const std::string& path, int i) {
  return path + "[" + std::to_string(i) + "]";
}

class Walk {
 public:
  explicit Walk(Errors& errors) : errors_(errors) {}

  // `prefix` is put before field names in errors, such as "ingress.".
  void visit(Message& message, const std::string& prefix) {
    if (errors_.size() >= kMaxErrors) return;
    const auto& type = *message.GetDescriptor();
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor* field = type.field(i);
      const std::string path = prefix + field->name();
      if (field->is_map()) continue;
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        enter(message, field, path);
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
        checkEnum(message, field, path);
      } else if (field->is_repeated()) {
        checkElements(message, field, path);
      } else {
        checkOrDefault(message, field, path);
      }
    }
  }

 private:
  void enter(Message& message, const FieldDescriptor* field, const std::string& path) {
    const auto& reflection = *message.GetReflection();
    if (field->is_repeated()) {
      for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
        visit(*reflection.MutableRepeatedMessage(&message, field, i), indexed(path, i) + ".");
      }
      return;
    }
    const bool implied =
        field->options().GetExtension(sluice::implied) && field->real_containing_oneof() == nullptr;
    if (implied || reflection.HasField(message, field)) {
      visit(*reflection.MutableMessage(&message, field), path + ".");
    }
  }

  // proto3 accepts any number for an enum.
  void checkEnum(Message& message, const FieldDescriptor* field, const std::string& path) {
    const auto& reflection = *message.GetReflection();
    const EnumDescriptor& type = *field->enum_type();
    const auto isKnown = [&](int number) { return type.FindValueByNumber(number) != nullptr; };
    if (field->is_repeated()) {
      for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
        if (isKnown(reflection.GetRepeatedEnumValue(message, field, i))) continue;
        errors_.push_back({indexed(path, i), describe(type)});
        reflection.SetRepeatedEnumValue(&message, field, i, type.value(0)->number());
      }
    } else if (!isKnown(reflection.GetEnumValue(message, field))) {
      errors_.push_back({path, describe(type)});
      reflection.SetEnumValue(&message, field, type.value(0)->number());
    }
  }

  void checkElements(const Message& message, const FieldDescriptor* field, const std::string& path) {
    if (!field->options().HasExtension(sluice::range)) return;
    const Range& range = field->options().GetExtension(sluice::range);
    for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i) {
      if (!contains(range, read(message, field, i))) errors_.push_back({indexed(path, i), describe(range)});
    }
  }

  void checkOrDefault(Message& message, const FieldDescriptor* field, const std::string& path) {
    const auto& options = field->options();
    const double otherwise = options.GetExtension(sluice::default_);
    if (!message.GetReflection()->HasField(message, field)) {
      if (otherwise != 0 && field->real_containing_oneof() == nullptr) write(message, field, otherwise);
      return;
    }
    if (!options.HasExtension(sluice::range)) return;
    const Range& range = options.GetExtension(sluice::range);
    const double value = read(message, field, 0);
    if (contains(range, value)) return;
    errors_.push_back({path, describe(range)});
    const double nearest = value > range.max() ? range.max() : range.min();
    write(message, field, options.HasExtension(sluice::default_) ? otherwise : nearest);
  }

  Errors& errors_;
};

}  // namespace

Errors applyFieldOptions(Message& message) {
  Errors errors;
  Walk(errors).visit(message, "");
  return errors;
}

}  // namespace sluice
