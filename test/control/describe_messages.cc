#include "test/control/describe_messages.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <fstream>
#include <stdexcept>
#include <utility>

#include "api/options.pb.h"

namespace sluice::test {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::OneofDescriptor;
using nlohmann::json;

template <typename T>
std::string commentOf(const T& described) {
  google::protobuf::SourceLocation location;
  if (!described.GetSourceLocation(&location)) return {};
  return location.leading_comments + location.trailing_comments;
}

template <typename T>
std::string nameOf(const T& type) {
  const std::string& package = type.file()->package();
  return type.full_name().substr(package.empty() ? 0 : package.size() + 1);
}

class Walk {
 public:
  json messages = json::object();
  json enums = json::object();

  void visit(const Descriptor& type) {
    const std::string name = nameOf(type);
    if (messages.contains(name)) return;
    messages[name] = {};  // so that a message that contains itself is visited once
    json fields = json::array(), oneofs = json::array();
    for (int i = 0; i < type.field_count(); ++i) fields.push_back(describe(*type.field(i)));
    for (int i = 0; i < type.real_oneof_decl_count(); ++i) oneofs.push_back(describe(*type.oneof_decl(i)));
    messages[name] = {
        {"comment", commentOf(type)}, {"fields", std::move(fields)}, {"oneofs", std::move(oneofs)}};
  }

 private:
  void visit(const EnumDescriptor& type) {
    json values = json::array();
    for (int i = 0; i < type.value_count(); ++i) {
      values.push_back({{"name", type.value(i)->name()}, {"comment", commentOf(*type.value(i))}});
    }
    enums[nameOf(type)] = {{"comment", commentOf(type)}, {"values", std::move(values)}};
  }

  json describe(const FieldDescriptor& field) {
    json out = {{"name", field.name()},
                {"type", field.type_name()},
                {"comment", commentOf(field)},
                {"repeated", field.is_repeated()},
                {"has_presence", field.has_presence()}};
    if (field.message_type() != nullptr) {
      visit(*field.message_type());
      out["refers_to"] = nameOf(*field.message_type());
    }
    if (field.enum_type() != nullptr) {
      visit(*field.enum_type());
      out["refers_to"] = nameOf(*field.enum_type());
    }
    const auto& options = field.options();
    if (options.HasExtension(sluice::range)) {
      const Range& range = options.GetExtension(sluice::range);
      out["range"] = {range.min(), range.max()};
    }
    if (options.HasExtension(sluice::default_)) {
      const double value = options.GetExtension(sluice::default_);
      out["default"] = value;
      if (field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL) out["default"] = value != 0;
    }
    return out;
  }

  static json describe(const OneofDescriptor& oneof) {
    json names = json::array();
    for (int i = 0; i < oneof.field_count(); ++i) names.push_back(oneof.field(i)->name());
    return {{"comment", commentOf(oneof)}, {"fields", std::move(names)}};
  }
};

}  // namespace

json describeMessages(const std::string& descriptor_set, const std::string& package) {
  google::protobuf::FileDescriptorSet files;
  std::ifstream in(descriptor_set, std::ios::binary);
  if (!files.ParseFromIstream(&in)) throw std::runtime_error("cannot read " + descriptor_set);
  google::protobuf::DescriptorPool pool;
  Walk walk;
  for (const auto& content : files.file()) {  // a file follows its imports
    const FileDescriptor* file = pool.BuildFile(content);
    if (file == nullptr) throw std::runtime_error("cannot use " + content.name());
    if (file->package() != package) continue;
    for (int i = 0; i < file->message_type_count(); ++i) walk.visit(*file->message_type(i));
  }
  return {{"messages", std::move(walk.messages)}, {"enums", std::move(walk.enums)}};
}

}  // namespace sluice::test
