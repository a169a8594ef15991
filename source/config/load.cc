#include "source/config/load.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

#include "source/config/field_path.h"

namespace sluice::config {
namespace {

namespace protobuf = google::protobuf;

constexpr std::streamoff kMaxFileBytes = 16 << 20;

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

// The parser reports an unknown field as a warning and goes on: so all of them are found at once.
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

// 'Message type "sluice.Listener" has no field named "nmae".' names the field that the path should end with.
std::string unknownField(const std::string& message) {
  static constexpr std::string_view kBefore = "has no field named \"";
  const size_t at = message.find(kBefore);
  if (at == std::string::npos) return {};
  const size_t begin = at + kBefore.size();
  return message.substr(begin, message.find('"', begin) - begin);
}

Result<Bootstrap> parseText(std::string_view text, const std::string& name) {
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
    if (const std::string field = unknownField(message); !field.empty())
      path += (path.empty() ? "" : ".") + field;
    const std::string place = name + ":" + std::to_string(line + 1) + ":" + std::to_string(column + 1);
    errors.push_back({path, place + ": " + message});
  }
  if (!errors.empty()) return errors;
  if (!parsed) return Error{name, "is not a text-format protobuf"};
  return bootstrap;
}

Result<Bootstrap> parseJson(std::string_view text, const std::string& name) {
  Bootstrap bootstrap;
  const auto status = protobuf::util::JsonStringToMessage({text.data(), text.size()}, &bootstrap);
  if (!status.ok()) return Error{name, std::string(status.message())};
  return bootstrap;
}

bool endsWith(std::string_view text, std::string_view end) {
  return text.ends_with(end);
}

}  // namespace

Result<Bootstrap> parse(std::string_view text, Format format, const std::string& name) {
  return format == Format::kJson ? parseJson(text, name) : parseText(text, name);
}

Result<Text> readFile(const std::string& path) {
  const bool json = endsWith(path, ".json");
  if (!json && !endsWith(path, ".textproto") && !endsWith(path, ".pbtxt")) {
    return Error{path, "has an unknown ending; expected .textproto, .pbtxt or .json"};
  }
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return Error{path, std::string("cannot be read: ") + std::strerror(errno)};
  if (file.tellg() > kMaxFileBytes) return Error{path, "is larger than 16 MiB"};
  file.seekg(0);
  std::ostringstream text;
  if (!(text << file.rdbuf()) && file.peek() != EOF) {
    return Error{path, std::string("cannot be read: ") + std::strerror(errno)};
  }
  return Text{text.str(), json ? Format::kJson : Format::kText};
}

Result<Bootstrap> loadFile(const std::string& path) {
  const auto file = readFile(path);
  return file.ok() ? parse(file->text, file->format, path) : file.errors();
}

}  // namespace sluice::config
