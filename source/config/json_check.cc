#include "source/config/json_check.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <set>

#include "source/base/closest_name.h"

namespace sluice::config {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using Kind = JsonNode::Kind;

constexpr size_t kMaxErrors = 100;

const FieldDescriptor* findField(const Descriptor& type, const std::string& key) {
  const FieldDescriptor* field = type.FindFieldByName(key);
  return field != nullptr ? field : type.FindFieldByCamelcaseName(key);
}

std::vector<std::string> fieldNames(const Descriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
  return names;
}

std::vector<std::string> valueNames(const google::protobuf::EnumDescriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.value_count(); ++i) names.push_back(type.value(i)->name());
  return names;
}

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// JSON allows numbers as strings too.
std::optional<double> numberOf(const JsonNode& node) {
  if (node.kind != Kind::kNumber && node.kind != Kind::kString) return std::nullopt;
  double number = 0;
  const char* end = node.text.data() + node.text.size();
  const auto [stop, error] = std::from_chars(node.text.data(), end, number);
  if (error != std::errc{} || stop != end || node.text.empty()) return std::nullopt;
  return number;
}

bool isWhole(const JsonNode& node, double low, double high) {
  const auto number = numberOf(node);
  return number && std::trunc(*number) == *number && *number >= low && *number <= high;
}

template <typename T>
bool isWholeOf(const JsonNode& node) {
  return isWhole(node, static_cast<double>(std::numeric_limits<T>::min()),
                 static_cast<double>(std::numeric_limits<T>::max()));
}

class Checker {
 public:
  Checker(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  Errors errors;

  void message(const JsonNode& node, const Descriptor& type, const std::string& path) {
    if (node.kind != Kind::kObject) return fail(node, path, "must be an object: { ... }");
    members(node, type, path);
  }

 private:
  void fail(const JsonNode& node, const std::string& path, const std::string& message) {
    if (errors.size() >= kMaxErrors) return;  // to find a place takes time in proportion to the text
    errors.push_back({path, name_ + ":" + placeIn(text_, node.offset) + ": " + message});
  }
  void members(const JsonNode& node, const Descriptor& type, const std::string& path, bool in_any = false) {
    std::set<const FieldDescriptor*> seen;
    for (const auto& [key, value] : node.members) {
      if (in_any && key == "@type") continue;
      const FieldDescriptor* field = findField(type, key);
      if (field != nullptr && !seen.insert(field).second) {
        fail(value, (path.empty() ? "" : path + ".") + field->name(), "must not be set twice");
      } else {
        member(key, value, type, path);
      }
    }
  }
  void member(const std::string& key, const JsonNode& value, const Descriptor& type,
              const std::string& path) {
    const FieldDescriptor* field = findField(type, key);
    const std::string member_path =
        (path.empty() ? "" : path + ".") + (field != nullptr ? field->name() : key);
    if (field == nullptr) {
      return fail(value, member_path,
                  type.full_name() + " has no such field" + didYouMean(key, fieldNames(type)));
    }
    if (value.kind == Kind::kNull) return;  // the default
    if (!field->is_repeated()) return single(value, *field, member_path);
    if (value.kind != Kind::kList) return fail(value, member_path, "must be a list: [ ... ]");
    for (size_t i = 0; i < value.members.size(); ++i) {
      single(value.members[i].second, *field, member_path + "[" + std::to_string(i) + "]");
    }
  }
  void single(const JsonNode& value, const FieldDescriptor& field, const std::string& path) {
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return nested(value, *field.message_type(), path);
      case FieldDescriptor::CPPTYPE_STRING:
        return require(value.kind == Kind::kString, value, path, "must be a string in quotation marks");
      case FieldDescriptor::CPPTYPE_BOOL:
        return require(value.kind == Kind::kBoolean, value, path, "must be true or false");
      case FieldDescriptor::CPPTYPE_ENUM:
        return enumeration(value, *field.enum_type(), path);
      case FieldDescriptor::CPPTYPE_UINT32:
        return require(isWholeOf<uint32_t>(value), value, path,
                       "must be a whole number from 0 to 4294967295");
      case FieldDescriptor::CPPTYPE_INT32:
        return require(isWholeOf<int32_t>(value), value, path, "must be a whole number of 32 bits");
      case FieldDescriptor::CPPTYPE_UINT64:
        return require(isWholeOf<uint64_t>(value), value, path, "must be a whole number, not negative");
      case FieldDescriptor::CPPTYPE_INT64:
        return require(isWholeOf<int64_t>(value), value, path, "must be a whole number");
      default:
        return require(numberOf(value).has_value(), value, path, "must be a number");
    }
  }
  void require(bool right, const JsonNode& value, const std::string& path, const char* message) {
    if (!right) fail(value, path, message);
  }
  void enumeration(const JsonNode& value, const google::protobuf::EnumDescriptor& type,
                   const std::string& path) {
    if (value.kind == Kind::kNumber && isWholeOf<int32_t>(value)) return;
    if (value.kind == Kind::kString && type.FindValueByName(value.text) != nullptr) return;
    fail(value, path, "must be one of " + join(valueNames(type)));
  }
  void nested(const JsonNode& value, const Descriptor& type, const std::string& path) {
    if (type.full_name() == "google.protobuf.Any") return any(value, path);
    if (type.full_name() == "google.protobuf.Struct") {  // it may contain anything
      return require(value.kind == Kind::kObject, value, path, "must be an object: { ... }");
    }
    message(value, type, path);
  }
  // A type that is not linked in is not an error here, as in the text format: its fields are unknown.
  void any(const JsonNode& value, const std::string& path) {
    if (value.kind != Kind::kObject) return fail(value, path, "must be an object: { ... }");
    const JsonNode* url = value.find("@type");
    if (url == nullptr || url->kind != Kind::kString || url->text.find('/') == std::string::npos) {
      return fail(value, path,
                  "needs \"@type\", the filter's type, e.g. type.googleapis.com/sluice.filters.Forward");
    }
    const std::string name = url->text.substr(url->text.rfind('/') + 1);
    const auto* type = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(name);
    if (type == nullptr) return;
    members(value, *type, path, true);
  }

  const std::string_view text_;
  const std::string& name_;
};

}  // namespace

Errors checkJson(const JsonNode& root, const Descriptor& type, std::string_view text,
                 const std::string& name) {
  Checker checker(text, name);
  checker.message(root, type, "");
  return std::move(checker.errors);
}

}  // namespace sluice::config
