#include "source/config/json_tree.h"

#include <doctest/doctest.h>

namespace sluice::config {
namespace {

using Kind = JsonNode::Kind;

JsonNode parse(std::string_view text) {
  auto tree = parseJsonTree(text, "f");
  REQUIRE_MESSAGE(tree.ok(), (tree.ok() ? "" : toString(tree.errors())));
  return *std::move(tree);
}

// The only error.
std::string errorOf(std::string_view text) {
  const auto tree = parseJsonTree(text, "f");
  if (tree.ok()) return "none";
  REQUIRE(tree.errors().size() == 1);
  return tree.error().toString();
}

TEST_CASE("parseJsonTree: each value has its kind, and strings and numbers have their text") {
  const JsonNode tree =
      parse(R"({"n": null, "t": true, "s": "a\"\u00e4", "i": -12, "u": 18446744073709551615, "f": 1.50e1,
                "l": [1, "2"], "o": {}})");
  CHECK(tree.kind == Kind::kObject);
  const auto check = [&](std::string_view key, Kind kind, std::string_view text) {
    CAPTURE(key);
    const JsonNode* node = tree.find(key);
    REQUIRE(node != nullptr);
    CHECK(node->kind == kind);
    CHECK(node->text == text);
  };
  check("n", Kind::kNull, "");
  check("t", Kind::kBoolean, "");
  check("s", Kind::kString, "a\"\u00e4");
  check("i", Kind::kNumber, "-12");
  check("u", Kind::kNumber, "18446744073709551615");
  check("f", Kind::kNumber, "1.50e1");
  check("l", Kind::kList, "");
  check("o", Kind::kObject, "");
  CHECK(tree.find("missing") == nullptr);
  const auto& list = tree.find("l")->members;
  REQUIRE(list.size() == 2);
  CHECK(list[0].first.empty());
  CHECK(list[0].second.text == "1");
  CHECK(list[1].second.kind == Kind::kString);
}

TEST_CASE("parseJsonTree: members keep their order, also those with equal names") {
  const JsonNode tree = parse(R"({"b": 1, "a": 2, "b": 3})");
  REQUIRE(tree.members.size() == 3);
  CHECK(tree.members[0].first == "b");
  CHECK(tree.members[1].first == "a");
  CHECK(tree.members[2].second.text == "3");
  CHECK(tree.find("b")->text == "1");
}

TEST_CASE("parseJsonTree: a member's position is that of its key") {
  struct Case {
    const char* text;
    const char* key;
    size_t offset;
  };
  const Case cases[] = {
      {R"({"a": 1})", "a", 1},
      {R"({ "a" : {"a": 1}})", "a", 2},
      {R"({"x": [1, 2], "a": [3]})", "a", 14},
      {R"({"x": "a", "a": null})", "a", 11},
      {R"({"x": {"y": 1}, "a": true})", "a", 16},
      {R"({"x": 1, "q\"": 1})", "q\"", 9},
      {R"({"x": 1, "\"q": 1})", "\"q", 9},
      {R"({"x": 1, "\\": 1})", "\\", 9},
      {R"({"x": 1, "\\\"": 1})", "\\\"", 9},
      {R"({"x": 1, "": 1})", "", 9},
      {"{\"x\": 1,\n\"\xc3\xa4\": 1}", "\xc3\xa4", 9},
      {"\xef\xbb\xbf{\"a\": 1}", "a", 4},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const JsonNode tree = parse(c.text);
    const JsonNode* member = tree.find(c.key);
    REQUIRE(member != nullptr);
    CHECK(member->offset == c.offset);
  }
}

TEST_CASE("parseJsonTree: the position of an object in a list is that of its brace") {
  const JsonNode tree = parse(R"({"l": [{"a": 1}, {"b": [2]}]})");
  const auto& list = tree.find("l")->members;
  REQUIRE(list.size() == 2);
  CHECK(list[0].second.offset == 7);
  CHECK(list[1].second.offset == 17);
  CHECK(list[1].second.find("b")->offset == 18);
}

TEST_CASE("parseJsonTree: an error has the path of the innermost open value, its place and the remedy") {
  struct Case {
    const char* text;
    const char* error;
  };
  const Case cases[] = {
      {"", "f:1:1: the file ends here: a closing } or ] is missing"},
      {"{", "f:1:2: the file ends here: a closing } or ] is missing"},
      {"{\"a\": [1,\n", "a: f:2:1: the file ends here: a closing } or ] is missing"},
      {R"({"a": "b)", "f:1:9: the file ends here: a closing } or ] is missing"},
      {R"({"a": 1}})", "f:1:9: expected the end after the last }"},
      {R"({a: 1})", "f:1:2: expected a field name in quotation marks"},
      {R"({"a": 1,})", "f:1:9: expected a field name in quotation marks"},
      {R"({"a" 1})", "f:1:6: expected : after the field name"},
      {R"({"a": 1 "b": 2})", "f:1:11: expected , or } after the value"},
      {R"({"a": })", "f:1:7: expected a value"},
      {R"({"a": [1, 2)", "a: f:1:12: the file ends here: a closing } or ] is missing"},
      {R"([[1], [2, {"a": {"b" 5}}]])", "[1][1].a: f:1:22: expected : after the field name"},
      {R"({"a": {"b": 1}, "c" 5})", "f:1:21: expected : after the field name"},
      {R"({"a": {"b": [{}, {}], "c": 1 2}})", "a: f:1:30: expected , or } after the value"},
      {R"({"a": yes})", "f:1:7: is not valid JSON"},
      {R"({"a": 1e999})", "f:1:11: is a number out of range"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    CHECK(errorOf(c.text) == std::string(c.error));
  }
}

TEST_CASE("parseJsonTree: an error does not quote the text") {
  for (const char* text : {R"({"token": "secret)", R"({"token": secret})", R"({"token": "secret" "secret"})",
                           "{\"token\": \"secret\x01\"}", "{\"token\": \"secret\xff\"}"}) {
    CAPTURE(text);
    const std::string error = errorOf(text);
    CHECK(error != "none");
    CHECK(error.find("secret") == std::string::npos);
  }
}

TEST_CASE("parseJsonTree: values may be nested 64 deep") {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK(errorOf(nested(64)) == "none");
  std::string path;
  for (int i = 0; i < 63; ++i) path += "[0]";
  CHECK(errorOf(nested(65)) == path + ": f:1:65: is nested too deeply");
}

TEST_CASE("placeIn: lines and columns count from 1, and an offset behind the text is its end") {
  CHECK(placeIn("", 0) == "1:1");
  CHECK(placeIn("ab\ncd", 0) == "1:1");
  CHECK(placeIn("ab\ncd", 2) == "1:3");
  CHECK(placeIn("ab\ncd", 3) == "2:1");
  CHECK(placeIn("ab\ncd", 4) == "2:2");
  CHECK(placeIn("ab\n\ncd", 4) == "3:1");
  CHECK(placeIn("ab\ncd", 99) == "2:3");
}

}  // namespace
}  // namespace sluice::config
