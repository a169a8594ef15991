#include "test/config/field_tables.h"

#include <algorithm>
#include <fstream>
#include <regex>

namespace sluice::test {
namespace {

std::vector<std::string> split(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  size_t from = 0;
  for (size_t at; (at = text.find(separator, from)) != std::string::npos; from = at + separator.size()) {
    parts.push_back(text.substr(from, at - from));
  }
  parts.push_back(text.substr(from));
  return parts;
}

std::string trim(const std::string& text) {
  const size_t first = text.find_first_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

// The cells of a line "| a | b |".
std::vector<std::string> cellsOf(const std::string& line) {
  if (line.size() < 2 || line.front() != '|' || line.back() != '|') return {};
  auto cells = split(line.substr(1, line.size() - 2), "|");
  for (std::string& cell : cells) cell = trim(cell);
  return cells;
}

std::vector<std::string> namesIn(const std::string& cell) {
  static const std::regex kName("`([^`]+)`");
  std::vector<std::string> names;
  for (std::sregex_iterator it(cell.begin(), cell.end(), kName), end; it != end; ++it) {
    std::string name = std::regex_replace((*it)[1].str(), std::regex(R"(\[\])"), "");
    const size_t dot = names.empty() ? std::string::npos : names[0].rfind('.');
    if (dot != std::string::npos && name.find('.') == std::string::npos) name.insert(0, names[0], 0, dot + 1);
    names.push_back(std::move(name));
  }
  return names;
}

// The columns of a table.
struct Head {
  explicit Head(const std::vector<std::string>& cells) {
    for (size_t i = 0; i < cells.size(); ++i) {
      if (cells[i] == "range") range = i;
      if (cells[i] == "default") fallback = i;
      if (cells[i] == "range, default") range = fallback = i;
    }
  }
  size_t range = 0;  // 0: none, because the first column is the name
  size_t fallback = 0;
};

void addRow(const Head& head, const std::vector<std::string>& cells, const std::string& section,
            std::vector<DocumentedField>& out) {
  if (cells.size() <= std::max(head.range, head.fallback)) return;
  std::string range = cells[head.range];
  std::string fallback = cells[head.fallback];
  if (const size_t semicolon = range.find(';'); head.range == head.fallback) {
    fallback = semicolon == std::string::npos ? range : range.substr(semicolon + 1);
    range = range.substr(0, semicolon);
  }
  const auto names = namesIn(cells[0]);
  const auto defaults = split(fallback, ", ");
  for (size_t i = 0; i < names.size(); ++i) {
    const bool each = defaults.size() == names.size();
    out.push_back({section, names[i], range, each ? defaults[i] : fallback});
  }
}

}  // namespace

std::vector<DocumentedField> documentedFields(const std::string& page) {
  std::vector<DocumentedField> fields;
  std::string section;
  Head head({});
  std::ifstream in(page);
  for (std::string line; std::getline(in, line);) {
    const auto cells = cellsOf(line);
    if (line.starts_with("## ")) section = line.substr(3);
    if (cells.empty()) {
      head = Head({});
    } else if (cells[0] == "field") {
      head = Head(cells);
    } else if (head.range != 0) {
      addRow(head, cells, section, fields);
    }
  }
  return fields;
}

}  // namespace sluice::test
