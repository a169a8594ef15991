// Checks that comments and documentation state the ranges and defaults of the field options.
#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <sstream>

#include "api/audibility.pb.h"
#include "api/config.pb.h"
#include "api/control.pb.h"
#include "api/options.pb.h"
#include "filters/builtin.h"
#include "test/config/field_tables.h"
#include "test/config/proto_comments.h"

namespace sluice {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// Numbers without a range, and why.
const std::map<std::string, std::string> kWithoutRange = {
    {"sluice.control.PlayerUpdate.receive_range", "Infinity is allowed"},
    {"sluice.control.SetRulesRequest.expected_version", "every value is allowed"},
    {"sluice.control.UpdateRequest.expected_version", "every value is allowed"},
    {"sluice.control.Vector.x", "a direction may have any length"},
    {"sluice.control.Vector.y", "a direction may have any length"},
    {"sluice.control.Vector.z", "a direction may have any length"},
    {"sluice.filters.Impair.seed", "every value is allowed"},
    {"sluice.filters.Pacer.Adaptation.alpha", "its bounds are not allowed"},
    {"sluice.filters.Turn.max_bandwidth_per_user_bps", "0 is allowed and means no limit; 1 to 7999 are not"},
    {"sluice.filters.Turn.max_bandwidth_bps", "0 is allowed and means no limit; 1 to 7999 are not"},
};

struct Field {
  const FieldDescriptor* descriptor;
  std::string path;  // below the root message, without indices
};

void collect(const Descriptor& type, const std::string& prefix, std::vector<Field>& out) {
  if (type.full_name().starts_with("google.protobuf.")) return;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* field = type.field(i);
    if (field->message_type() == sluice::Audibility::descriptor()) continue;  // a root of its own
    if (field->message_type() != nullptr) {
      collect(*field->message_type(), prefix + field->name() + ".", out);
    } else {
      out.push_back({field, prefix + field->name()});
    }
  }
}

struct Root {
  const Descriptor* type;
  std::string page;  // with tables of its fields; empty: none
};

std::vector<Root> roots() {
  std::vector<Root> all{{Bootstrap::descriptor(), "docs/configuration.md"},
                        {sluice::Audibility::descriptor(), "docs/audibility.md"},
                        {control::UpdateRequest::descriptor(), ""},
                        {control::SetRulesRequest::descriptor(), ""}};
  const chain::Registry filters = builtinFilters();
  for (const chain::FilterType& filter : filters.types()) {
    const auto* type = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(
        std::string(filter.config_type));
    REQUIRE(type != nullptr);
    all.push_back({type, "docs/filters/" + std::string(filter.name) + ".md"});
  }
  return all;
}

std::vector<Field> fieldsOf(const Root& root) {
  std::vector<Field> fields;
  collect(*root.type, "", fields);
  return fields;
}

bool isNumber(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
    case FieldDescriptor::CPPTYPE_STRING:
    case FieldDescriptor::CPPTYPE_ENUM:
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return false;
    default:
      return true;
  }
}

bool hasRange(const FieldDescriptor& field) {
  return field.options().HasExtension(range);
}
bool hasDefault(const FieldDescriptor& field) {
  return field.options().HasExtension(default_);
}

std::string print(double value) {
  std::ostringstream out;
  out.precision(12);
  out << value;
  return out.str();
}

std::string rangeOf(const FieldDescriptor& field) {
  const Range& range = field.options().GetExtension(sluice::range);
  return print(range.min()) + " to " + print(range.max());
}

std::string defaultOf(const FieldDescriptor& field) {
  const double value = field.options().GetExtension(default_);
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL) return value != 0 ? "true" : "false";
  return print(value);
}

// True if `text` has the number, range or word `wanted`, not as a part of a longer one.
bool states(const std::string& text, const std::string& wanted) {
  const auto at = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : ' '; };
  for (size_t i = text.find(wanted); i != std::string::npos; i = text.find(wanted, i + 1)) {
    const size_t end = i + wanted.size();
    const bool begins = i == 0 || (std::isalnum(at(i - 1)) == 0 && at(i - 1) != '.' && at(i - 1) != '-');
    const bool fraction = at(end) == '.' && std::isdigit(at(end + 1)) != 0;
    if (begins && !fraction && std::isalnum(at(end)) == 0) return true;
  }
  return false;
}

// The sentence that begins with "Default: " or "Defaults: ".
std::string defaultSentence(const std::string& comment) {
  const size_t at = std::min(comment.find("Default: "), comment.find("Defaults: "));
  if (at == std::string::npos) return {};
  return comment.substr(at, comment.find(". ", at) - at);
}

std::string lowercase(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

// The row that describes a field: of all whose name its path ends with, the one with the longest name. On the
// bootstrap's page, the sections are its fields.
const test::DocumentedField* findRow(const std::vector<test::DocumentedField>& rows, const Root& root,
                                     const std::string& path) {
  const test::DocumentedField* found = nullptr;
  for (const auto& row : rows) {
    std::string full = path;
    if (root.type == Bootstrap::descriptor()) {
      const std::string section = lowercase(row.section) + ".";
      if (!path.starts_with(section)) continue;
      full = path.substr(section.size());
    }
    if (full != row.name && !full.ends_with("." + row.name)) continue;
    if (found == nullptr || row.name.size() > found->name.size()) found = &row;
  }
  return found;
}

TEST_CASE("every number of a configuration has a range, or a reason to have none") {
  std::set<std::string> without;
  for (const Root& root : roots()) {
    for (const Field& field : fieldsOf(root)) {
      if (isNumber(*field.descriptor) && !hasRange(*field.descriptor))
        without.insert(field.descriptor->full_name());
    }
  }
  std::set<std::string> expected;
  for (const auto& [name, reason] : kWithoutRange) expected.insert(name);
  CHECK(without == expected);
}

TEST_CASE("defaults lie in their ranges") {
  for (const Root& root : roots()) {
    for (const Field& field : fieldsOf(root)) {
      if (!hasRange(*field.descriptor)) continue;
      const bool implicit = !field.descriptor->has_presence() && !field.descriptor->is_repeated();
      if (!hasDefault(*field.descriptor) && !implicit) continue;
      const Range& range = field.descriptor->options().GetExtension(sluice::range);
      const double value = field.descriptor->options().GetExtension(default_);
      CAPTURE(field.descriptor->full_name());
      CHECK(value >= range.min());
      CHECK(value <= range.max());
      // Otherwise a 0 in the file would mean the default.
      CHECK((field.descriptor->has_presence() || value == 0));
    }
  }
}

TEST_CASE("the comments of the protos state the ranges and defaults") {
  for (const Root& root : roots()) {
    const std::string& file = root.type->file()->name();
    const auto comments = test::protoComments(file);
    for (const Field& field : fieldsOf(root)) {
      const FieldDescriptor& descriptor = *field.descriptor;
      CAPTURE(file);
      CAPTURE(field.path);
      const size_t package = descriptor.file()->package().size() + 1;
      const auto found = comments.find(descriptor.full_name().substr(package));
      REQUIRE(found != comments.end());
      CAPTURE(found->second);
      if (hasRange(descriptor))
        CHECK_MESSAGE(states(found->second, rangeOf(descriptor)), rangeOf(descriptor));
      if (hasDefault(descriptor)) {
        CHECK_MESSAGE(states(defaultSentence(found->second), defaultOf(descriptor)), defaultOf(descriptor));
      }
    }
  }
}

TEST_CASE("the tables of the documentation state the ranges and defaults") {
  for (const Root& root : roots()) {
    if (root.page.empty()) continue;
    const auto rows = test::documentedFields(root.page);
    for (const Field& field : fieldsOf(root)) {
      const FieldDescriptor& descriptor = *field.descriptor;
      if (!hasRange(descriptor) && !hasDefault(descriptor)) continue;
      CAPTURE(root.page);
      CAPTURE(field.path);
      const test::DocumentedField* row = findRow(rows, root, field.path);
      CHECK_MESSAGE(row != nullptr, "no table has a row for it");
      if (row == nullptr) continue;
      CAPTURE(row->range);
      CAPTURE(row->fallback);
      if (hasRange(descriptor)) CHECK_MESSAGE(states(row->range, rangeOf(descriptor)), rangeOf(descriptor));
      if (hasDefault(descriptor))
        CHECK_MESSAGE(states(row->fallback, defaultOf(descriptor)), defaultOf(descriptor));
    }
  }
}

}  // namespace
}  // namespace sluice
