#include "test/config/proto_comments.h"

#include <fstream>
#include <regex>
#include <vector>

namespace sluice::test {
namespace {

const std::regex kComment(R"(^\s*//\s*(.*))");
const std::regex kScope(R"(^\s*(?:message|enum|oneof|extend) ([\w.]+) \{[^}]*)");
const std::regex kEmptyScope(R"(^\s*message [\w.]+ \{\})");
const std::regex kEnd(R"(^\s*\}\s*)");
const std::regex kField(R"(^\s*(?:optional |repeated )?[\w.]+ (\w+) = \d+.*)");

std::string join(const std::vector<std::string>& scopes, const std::string& name) {
  std::string path;
  for (const std::string& scope : scopes) path += scope + ".";
  return path + name;
}

}  // namespace

std::map<std::string, std::string> protoComments(const std::string& file) {
  std::map<std::string, std::string> comments;
  std::vector<std::string> scopes;
  std::string comment;
  bool ended = true;  // the comment belongs to a field above
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::smatch match;
    if (std::regex_match(line, match, kComment)) {
      comment = (ended ? "" : comment + " ") + match[1].str();
      ended = false;
    } else if (std::regex_match(line, match, kScope)) {
      scopes.push_back(match[1]);
      ended = true;
    } else if (std::regex_match(line, kEmptyScope)) {
      ended = true;
    } else if (std::regex_match(line, kEnd)) {
      scopes.pop_back();
      ended = true;
    } else if (std::regex_match(line, match, kField)) {
      comments[join(scopes, match[1])] = comment;
      ended = true;
    } else if (line.empty()) {
      comment.clear();
    }
  }
  return comments;
}

}  // namespace sluice::test
