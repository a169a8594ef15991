#include "source/config/json.h"

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver.h>
#include <google/protobuf/util/type_resolver_util.h>

#include <memory>

#include "source/config/json_check.h"
#include "source/config/json_tree.h"

namespace sluice::config {
namespace {

namespace protobuf = google::protobuf;

constexpr const char* kTypePrefix = "type.googleapis.com";

// Treats types that are not linked in as types without fields.
class LenientResolver final : public protobuf::util::TypeResolver {
 public:
  protobuf::util::Status ResolveMessageType(const std::string& url, protobuf::Type* type) override {
    if (linked_->ResolveMessageType(url, type).ok()) return {};
    type->Clear();
    type->set_name(url.substr(url.rfind('/') + 1));
    return {};
  }
  protobuf::util::Status ResolveEnumType(const std::string& url, protobuf::Enum* type) override {
    return linked_->ResolveEnumType(url, type);
  }

 private:
  const std::unique_ptr<protobuf::util::TypeResolver> linked_{
      protobuf::util::NewTypeResolverForDescriptorPool(kTypePrefix,
                                                       protobuf::DescriptorPool::generated_pool())};
};

}  // namespace

Status parseJson(std::string_view text, const std::string& name, protobuf::Message& message) {
  const auto tree = parseJsonTree(text, name);
  if (!tree.ok()) return tree.errors();
  const protobuf::Descriptor& type = *message.GetDescriptor();
  if (Errors errors = checkJson(*tree, type, text, name); !errors.empty()) return errors;
  LenientResolver resolver;
  protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;  // the remaining ones belong to types that are not linked in
  std::string binary;
  const auto status = protobuf::util::JsonToBinaryString(
      &resolver, std::string(kTypePrefix) + "/" + type.full_name(), std::string(text), &binary, options);
  // The status message would quote the value.
  if (!status.ok() || !message.ParseFromString(binary))
    return Error{name, "has a value that does not fit its field"};
  return Done{};
}

}  // namespace sluice::config
