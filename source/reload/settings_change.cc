#include "source/reload/settings_change.h"

#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "source/config/secrets.h"

namespace sluice::reload {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::util::MessageDifferencer;
using nlohmann::json;

// A new server on the same endpoint serves them; open connections stay with the old one.
constexpr std::string_view kForNewConnections[] = {"admin.address",
                                                   "join.address",
                                                   "join.tls_certificate_file",
                                                   "join.tls_private_key_file",
                                                   "join.max_offer_bytes",
                                                   "control.address",
                                                   "control.tls_certificate_file",
                                                   "control.tls_private_key_file",
                                                   "control.max_request_bytes"};

// "name" of a listener, a user or a mapping.
std::string keyOf(const Message& message) {
  for (const char* name : {"name", "local"}) {
    const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
    if (field != nullptr) return message.GetReflection()->GetString(message, field);
  }
  return {};
}

class Reporter final : public MessageDifferencer::Reporter {
 public:
  using Path = std::vector<MessageDifferencer::SpecificField>;

  Reporter(const Message& before, const Message& after) : before_(before), after_(after) {}

  json changes = json::array();

  // The messages passed in hold the field itself; they are not the roots at which a path begins.
  void ReportAdded(const Message&, const Message&, const Path& path) override {
    add("added", path, false, true);
  }
  void ReportDeleted(const Message&, const Message&, const Path& path) override {
    add("removed", path, true, false);
  }
  void ReportModified(const Message&, const Message&, const Path& path) override {
    const bool whole = path.back().field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (!whole) add("changed", path, true, true);  // a message is reported field by field
  }

 private:
  void add(const char* change, const Path& path, bool was, bool is) {
    json& entry = changes.emplace_back();
    const std::string field = nameOf(path, !was);
    entry = {{"field", field}, {"change", change}};
    const bool later = std::ranges::find(kForNewConnections, field) != std::end(kForNewConnections);
    entry["takes_effect"] = later ? "for new connections" : "at once";
    const FieldDescriptor& last = *path.back().field;
    const bool secret =
        std::ranges::any_of(path, [](const auto& step) { return config::isSecret(*step.field); });
    if (secret || last.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) return;
    if (was) entry["from"] = valueAt(path, false);
    if (is) entry["to"] = valueAt(path, true);
  }

  static int indexOf(const MessageDifferencer::SpecificField& step, bool in_after) {
    return in_after ? step.new_index : step.index;
  }
  static const Message& childOf(const Message& message, const MessageDifferencer::SpecificField& step,
                                bool in_after) {
    const auto& reflection = *message.GetReflection();
    return step.field->is_repeated()
               ? reflection.GetRepeatedMessage(message, step.field, indexOf(step, in_after))
               : reflection.GetMessage(message, step.field);
  }
  std::string nameOf(const Path& path, bool in_after) const {
    std::string name;
    const Message* message = in_after ? &after_ : &before_;
    for (const auto& step : path) {
      name += (name.empty() ? "" : ".") + step.field->name();
      const bool nested = step.field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
      if (nested) message = &childOf(*message, step, in_after);
      if (!step.field->is_repeated()) continue;
      name += "[" + (nested ? keyOf(*message) : std::to_string(indexOf(step, in_after))) + "]";
    }
    return name;
  }
  std::string valueAt(const Path& path, bool in_after) const {
    const Message* message = in_after ? &after_ : &before_;
    for (size_t i = 0; i + 1 < path.size(); ++i) message = &childOf(*message, path[i], in_after);
    const auto& step = path.back();
    std::string text;
    google::protobuf::TextFormat::PrintFieldValueToString(
        *message, step.field, step.field->is_repeated() ? indexOf(step, in_after) : -1, &text);
    return text;
  }

  const Message& before_;
  const Message& after_;
};

const FieldDescriptor* fieldOf(const google::protobuf::Descriptor* type, const char* name) {
  return type->FindFieldByName(name);
}

}  // namespace

json compareSettings(const sluice::Bootstrap& before, const sluice::Bootstrap& after) {
  Reporter reporter(before, after);
  MessageDifferencer differencer;
  differencer.ReportDifferencesTo(&reporter);
  const auto* bootstrap = sluice::Bootstrap::descriptor();
  const auto* listener = sluice::Listener::descriptor();
  const auto* user = sluice::User::descriptor();
  differencer.TreatAsMap(fieldOf(bootstrap, "listeners"), fieldOf(listener, "name"));
  differencer.TreatAsMap(fieldOf(sluice::Credentials::descriptor(), "users"), fieldOf(user, "name"));
  differencer.TreatAsMap(fieldOf(sluice::Nat::descriptor(), "mappings"),
                         fieldOf(sluice::Nat::Mapping::descriptor(), "local"));
  for (const char* planned : {"address", "additional_addresses", "filter_chains"}) {
    differencer.IgnoreField(fieldOf(listener, planned));
  }
  differencer.IgnoreField(fieldOf(bootstrap, "clusters"));
  differencer.Compare(before, after);
  // Whole listeners that are added or removed are in the plan.
  json settings = json::array();
  for (json& change : reporter.changes) {
    const std::string field = change["field"];
    if (!field.starts_with("listeners[") || field.find("].") != std::string::npos)
      settings.push_back(std::move(change));
  }
  return settings;
}

}  // namespace sluice::reload
