#include "source/config/field_path.h"

#include <tuple>
#include <vector>

namespace sluice::config {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::TextFormat;

bool surrounds(const TextFormat::ParseLocationRange& range, int line, int column) {
  // A message that is still open when the parser stops has no range yet.
  if (range.start.line < 0) return true;
  const auto place = std::tuple(line, column);
  return std::tuple(range.start.line, range.start.column) <= place &&
         place < std::tuple(range.end.line, range.end.column);
}

}  // namespace

std::string fieldPathAt(const Message& message, const TextFormat::ParseInfoTree& tree, int line, int column) {
  const auto* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const bool repeated = field->is_repeated();
    for (int i = 0, n = repeated ? reflection->FieldSize(message, field) : 1; i < n; ++i) {
      const int index = repeated ? i : -1;
      const auto* nested = tree.GetTreeForNested(field, index);
      if (nested == nullptr || !surrounds(tree.GetLocationRange(field, index), line, column)) continue;
      const Message& child = repeated ? reflection->GetRepeatedMessage(message, field, i)
                                      : reflection->GetMessage(message, field);
      const std::string inner = fieldPathAt(child, *nested, line, column);
      return field->name() + (repeated ? "[" + std::to_string(i) + "]" : "") +
             (inner.empty() ? "" : "." + inner);
    }
  }
  return {};
}

}  // namespace sluice::config
