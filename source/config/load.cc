#include "source/config/load.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>

#include <optional>
#include <utility>
#include <vector>

#include "source/base/file.h"
#include "source/config/field_path.h"
#include "source/config/json.h"
#include "source/config/json_tree.h"
#include "source/config/text_error.h"

namespace sluice::config {
namespace {

namespace protobuf = google::protobuf;

constexpr size_t kMaxFileBytes = 16 << 20;
constexpr int kMaxDepth = 128;  // of braces and brackets

// A type that is not linked in parses as an Any whose fields are all unknown.
const protobuf::Descriptor* placeholder() {
  return protobuf::Any::descriptor();
}

class Finder final : public protobuf::TextFormat::Finder {
  const protobuf::Descriptor* FindAnyType(const protobuf::Message& message, const std::string& prefix,
                                          const std::string& name) const override {
    const auto* known = protobuf::TextFormat::Finder::FindAnyType(message, prefix, name);
    return known != nullptr ? known : placeholder();
  }
};

// The parser reports an unknown field as a warning and continues, so that all of them are found at once.
class Collector final : public protobuf::io::ErrorCollector {
 public:
  struct Complaint {
    int line;  // both from 0
    int column;
    std::string message;
  };

  void AddError(int line, int column, const std::string& message) override {
    complaints.push_back({line, column, message});
  }
  void AddWarning(int line, int column, const std::string& message) override {
    if (message.find('"' + placeholder()->full_name() + '"') != std::string::npos) return;
    AddError(line, column, message);
  }

  std::vector<Complaint> complaints;
};

// The offset of a line and column, both from 0, in the text. The parser's columns count a tab up to the next
// multiple of 8.
size_t offsetOf(std::string_view text, int line, int column) {
  size_t at = 0;
  for (; line > 0 && at < text.size(); ++at) line -= text[at] == '\n' ? 1 : 0;
  for (int reached = 0; reached < column && at < text.size(); ++at)
    reached += text[at] == '\t' ? 8 - reached % 8 : 1;
  return at;
}

std::string typeNamed(const std::string& message) {
  const size_t begin = message.find('"') + 1;
  return message.substr(begin, message.find('"', begin) - begin);
}

// The parser uses stack for each level, also where it skips unknown fields. Returns nothing if the depth is
// fine.
std::optional<Error> checkDepth(std::string_view text, const std::string& name) {
  Collector ignored;
  protobuf::io::ArrayInputStream input(text.data(), static_cast<int>(text.size()));
  protobuf::io::Tokenizer tokenizer(&input, &ignored);
  // The same setting as the parser's.
  tokenizer.set_allow_f_after_float(true);
  tokenizer.set_comment_style(protobuf::io::Tokenizer::SH_COMMENT_STYLE);
  tokenizer.set_require_space_after_number(false);
  tokenizer.set_allow_multiline_strings(true);
  for (int depth = 0; depth <= kMaxDepth;) {
    if (!tokenizer.Next()) return std::nullopt;
    const auto& token = tokenizer.current();
    if (token.type != protobuf::io::Tokenizer::TYPE_SYMBOL) continue;
    if (token.text == "{" || token.text == "<" || token.text == "[") ++depth;
    if (token.text == "}" || token.text == ">" || token.text == "]") --depth;
  }
  const auto& token = tokenizer.current();
  return Error{
      "", name + ":" + placeIn(text, offsetOf(text, token.line, token.column)) + ": is nested too deeply"};
}

Result<Bootstrap> parseText(std::string_view text, const std::string& name) {
  if (auto error = checkDepth(text, name)) return *std::move(error);
  Finder finder;
  Collector collector;
  protobuf::TextFormat::ParseInfoTree places;
  protobuf::TextFormat::Parser parser;
  parser.SetFinder(&finder);
  parser.RecordErrorsTo(&collector);
  parser.WriteLocationsTo(&places);
  parser.AllowUnknownField(true);
  Bootstrap bootstrap;
  protobuf::io::ArrayInputStream input(text.data(), static_cast<int>(text.size()));
  const bool parsed = parser.Parse(&input, &bootstrap);
  Errors errors;
  for (const auto& [line, column, message] : collector.complaints) {
    std::string path = fieldPathAt(bootstrap, places, line, column);
    size_t offset = offsetOf(text, line, column);
    std::string_view before = text.substr(0, offset);
    before = before.substr(0, before.find_last_not_of(" \t\r\n") + 1);
    const std::string field = unknownField(message, before, text.substr(offset));
    std::string what = describeTextError(message, text.substr(offset));
    if (!field.empty()) {  // the parser's position is after it
      path += (path.empty() ? "" : ".") + field;
      what = describeUnknownField(typeNamed(message), field);
      offset = before.size() - field.size();
    }
    errors.push_back({path, name + ":" + placeIn(text, offset) + ": " + what});
  }
  if (!errors.empty()) return errors;
  if (!parsed) return Error{name, "is not a text-format protobuf"};
  return bootstrap;
}

}  // namespace

Result<Bootstrap> parse(std::string_view text, Format format, const std::string& name) {
  if (format == Format::kText) return parseText(text, name);
  Bootstrap bootstrap;
  const Status status = parseJson(text, name, bootstrap);
  if (!status.ok()) return status.errors();
  return bootstrap;
}

Result<Text> readText(const std::string& path) {
  const bool json = path.ends_with(".json");
  if (!json && !path.ends_with(".textproto") && !path.ends_with(".pbtxt")) {
    return Error{path, "has an unknown extension; expected .textproto, .pbtxt or .json"};
  }
  auto text = readFile(path, kMaxFileBytes);
  if (!text.ok()) return Error{path, text.error().message};
  return Text{*std::move(text), json ? Format::kJson : Format::kText};
}

Result<Bootstrap> loadFile(const std::string& path) {
  const auto file = readText(path);
  return file.ok() ? parse(file->text, file->format, path) : file.errors();
}

}  // namespace sluice::config
