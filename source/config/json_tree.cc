#include "source/config/json_tree.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

namespace sluice::config {
namespace {

using nlohmann::json;

constexpr size_t kMaxDepth = 64;

// An iterator that counts the characters read by the lexer.
class Reader {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Reader(const char* at, size_t* read) : at_(at), read_(read) {}
  reference operator*() const { return *at_; }
  Reader& operator++() {
    ++at_;
    ++*read_;
    return *this;
  }
  Reader operator++(int) {
    Reader before = *this;
    ++*this;
    return before;
  }
  bool operator==(const Reader& other) const { return at_ == other.at_; }
  bool operator!=(const Reader& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  size_t* read_;
};

constexpr int kNumberOutOfRange = 406;  // the id of nlohmann's exception

// The part of nlohmann's message that names what was expected; the rest may quote the text.
std::string expectation(const nlohmann::detail::exception& error) {
  if (error.id == kNumberOutOfRange) return "is a number out of range";
  static constexpr std::pair<std::string_view, std::string_view> kKnown[] = {
      {"; expected string literal", "expected a field name in quotation marks"},
      {"; expected ':'", "expected : after the field name"},
      {"; expected '}'", "expected , or } after the value"},
      {"; expected ']'", "expected , or ] after the value"},
      {"; expected end of input", "expected the end after the last }"},
      {"; expected '[', '{', or a literal", "expected a value"}};
  const std::string_view message = error.what();
  for (const auto& [end, words] : kKnown) {
    if (message.ends_with(end)) return std::string(words);
  }
  return "is not valid JSON";
}

class Builder final : public nlohmann::json_sax<json> {
 public:
  Builder(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  size_t read = 0;
  JsonNode root;
  Errors errors;

  bool null() override { return add(JsonNode::Kind::kNull); }
  bool boolean(bool) override { return add(JsonNode::Kind::kBoolean); }
  bool number_integer(number_integer_t number) override {
    return add(JsonNode::Kind::kNumber, std::to_string(number));
  }
  bool number_unsigned(number_unsigned_t number) override {
    return add(JsonNode::Kind::kNumber, std::to_string(number));
  }
  bool number_float(number_float_t, const string_t& digits) override {
    return add(JsonNode::Kind::kNumber, digits);
  }
  bool string(string_t& value) override { return add(JsonNode::Kind::kString, std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return open(JsonNode::Kind::kObject); }
  bool start_array(size_t) override { return open(JsonNode::Kind::kList); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& key) override {
    key_ = std::move(key);
    key_offset_ = beginOfString();
    return true;
  }
  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception& error) override {
    const bool at_end = text_.find_last_not_of(" \t\r\n") + 1 < position;
    fail(position == 0 ? 0 : position - 1,
         at_end ? "the file ends here: a closing } or ] is missing" : expectation(error));
    return false;
  }

 private:
  // The start of the string that has just been read; the end of a string is never escaped.
  size_t beginOfString() const {
    size_t at = read == 0 ? 0 : read - 1;
    while (at > 0) {
      --at;
      if (text_[at] != '"') continue;
      size_t escapes = 0;
      while (escapes < at && text_[at - 1 - escapes] == '\\') ++escapes;
      if (escapes % 2 == 0) return at;
    }
    return at;
  }
  JsonNode& parent() { return *open_.back(); }
  bool inObject() const { return !open_.empty() && open_.back()->kind == JsonNode::Kind::kObject; }
  bool add(JsonNode::Kind kind, std::string text = {}) {
    place(kind).text = std::move(text);
    return true;
  }
  JsonNode& place(JsonNode::Kind kind) {
    JsonNode& node =
        open_.empty() ? root : parent().members.emplace_back(std::exchange(key_, {}), JsonNode{}).second;
    node.kind = kind;
    node.offset = inObject() ? key_offset_ : read == 0 ? 0 : read - 1;
    return node;
  }
  bool open(JsonNode::Kind kind) {
    if (open_.size() == kMaxDepth) {
      fail(read - 1, "is nested too deeply");
      return false;
    }
    open_.push_back(&place(kind));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }
  void fail(size_t offset, const std::string& message) {
    errors.push_back({path(), name_ + ":" + placeIn(text_, offset) + ": " + message});
  }
  // The path of the innermost open value.
  std::string path() const {
    std::string path;
    for (size_t i = 0; i + 1 < open_.size(); ++i) {
      const JsonNode& node = *open_[i];
      const std::string& key = node.members.back().first;
      if (node.kind == JsonNode::Kind::kObject) {
        path += (path.empty() ? "" : ".") + key;
      } else {
        path += "[" + std::to_string(node.members.size() - 1) + "]";
      }
    }
    return path;
  }

  const std::string_view text_;
  const std::string& name_;
  std::vector<JsonNode*> open_;  // pointers stay valid: only the last member of the last one grows
  std::string key_;
  size_t key_offset_ = 0;
};

}  // namespace

const JsonNode* JsonNode::find(std::string_view key) const {
  const auto found =
      std::find_if(members.begin(), members.end(), [&](const auto& m) { return m.first == key; });
  return found == members.end() ? nullptr : &found->second;
}

std::string placeIn(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return std::to_string(line) + ":" + std::to_string(before.size() - line_start + 1);
}

Result<JsonNode> parseJsonTree(std::string_view text, const std::string& name) {
  Builder builder(text, name);
  const char* end = text.data() + text.size();
  json::sax_parse(Reader(text.data(), &builder.read), Reader(end, &builder.read), &builder);
  if (!builder.errors.empty()) return std::move(builder.errors);
  return std::move(builder.root);
}

}  // namespace sluice::config
