#include "source/config/text_error.h"

#include <google/protobuf/descriptor.h>

#include <cctype>
#include <vector>

#include "source/base/closest_name.h"

namespace sluice::config {
namespace {

constexpr std::string_view kNoField = "has no field named \"";

// After these texts the parser's messages quote the file.
constexpr std::string_view kQuotes[] = {
    ", got: ", ", found ", "unexpected token: ", " Value: ", " (", "number: "};

bool isPunctuation(char c) {
  return std::ispunct(static_cast<unsigned char>(c)) != 0 && c != '"' && c != '\'';
}

std::string withoutQuote(const std::string& message) {
  if (message.find(kNoField) != std::string::npos)
    return "there is no such field here, or a quotation mark is missing";
  if (message.starts_with("Unknown enumeration value of ")) {
    const size_t field = message.find("for field ");
    return "unknown enumeration value " +
           (field == std::string::npos ? std::string() : message.substr(field));
  }
  size_t end = message.size();
  for (const std::string_view quote : kQuotes) end = std::min(end, message.find(quote));
  std::string kept = message.substr(0, end);
  while (!kept.empty() && (kept.back() == '.' || kept.back() == ' ')) kept.pop_back();
  return kept;
}

std::string firstWord(const std::string& text, size_t at) {
  const size_t end = text.find('"', at);
  return text.substr(at, end - at);
}

}  // namespace

std::string describeTextError(const std::string& message, std::string_view rest) {
  const std::string kept = withoutQuote(message);
  while (!rest.empty() && std::isspace(static_cast<unsigned char>(rest.front())) != 0) rest.remove_prefix(1);
  if (rest.empty()) return kept + ", but the file ends here: a closing brace } is missing";
  if (isPunctuation(rest.front()) && kept.starts_with("Expected"))
    return kept + ", not '" + rest.front() + "'";
  return kept;
}

std::string unknownField(const std::string& message, std::string_view before, std::string_view rest) {
  const size_t at = message.find(kNoField);
  if (at == std::string::npos || rest.empty()) return {};
  if (std::string_view(":{<").find(rest.front()) == std::string_view::npos) return {};
  std::string field = firstWord(message, at + kNoField.size());
  if (!before.ends_with(field)) return {};
  before.remove_suffix(field.size());
  if (before.ends_with('"') || before.ends_with('\'')) return {};
  return field;
}

std::string describeUnknownField(const std::string& type, const std::string& field) {
  std::vector<std::string> names;
  const auto* descriptor = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(type);
  for (int i = 0; descriptor != nullptr && i < descriptor->field_count(); ++i) {
    names.push_back(descriptor->field(i)->name());
  }
  return type + " has no such field" + didYouMean(field, names);
}

}  // namespace sluice::config
