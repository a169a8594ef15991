// Parse errors name the position, the field and the remedy, and quote no secret.
#include <doctest/doctest.h>

#include "source/config/load.h"

using namespace sluice;

namespace {

std::vector<std::string> errorsOf(config::Format format, const std::string& text) {
  const auto parsed = config::parse(text, format, "f");
  std::vector<std::string> out;
  if (!parsed.ok()) {
    for (const Error& error : parsed.errors()) out.push_back(error.toString());
  }
  return out;
}

struct Case {
  const char* text;
  const char* error;
};

void checkAll(config::Format format, const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const auto errors = errorsOf(format, c.text);
    REQUIRE(errors.size() == 1);
    CHECK(errors[0] == std::string(c.error));
  }
}

}  // namespace

TEST_CASE("text errors have a position, a path and a helpful text") {
  checkAll(
      config::Format::kText,
      {{"listners { }\n", "listners: f:1:1: sluice.Bootstrap has no such field; did you mean listeners?"},
       {"listeners {\n  nmae: 'x'\n}\n",
        "listeners[0].nmae: f:2:3: sluice.Listener has no such field; did you mean name?"},
       {"zzzzzz: 1\n", "zzzzzz: f:1:1: sluice.Bootstrap has no such field"},
       {"listeners {\n  name: 'a'\n",
        "listeners[0]: f:3:1: Expected identifier, but the file ends here: a closing brace } is missing"},
       {"limits { max_rooms: }\n", "limits: f:1:21: Expected integer, not '}'"},
       {"\tlimits { max_rooms: 1 }\n\tlimts { }",
        "limts: f:2:2: sluice.Bootstrap has no such field; did you mean limits?"}});
}

TEST_CASE("JSON errors have a position, a path and a helpful text") {
  checkAll(
      config::Format::kJson,
      {{"{\n  \"clustrs\": []\n}",
        "clustrs: f:2:3: sluice.Bootstrap has no such field; did you mean clusters?"},
       {R"({"listeners": [{}, {"nmae": "x"}]})",
        "listeners[1].nmae: f:1:21: sluice.Listener has no such field; did you mean name?"},
       {"{\"listeners\": [\n  {\"name\": \"a\"",
        "listeners[0]: f:2:15: the file ends here: a closing } or ] is missing"},
       {R"({"listeners": [1 2]})", "listeners: f:1:18: expected , or ] after the value"},
       {R"({"limits": {"max_rooms" 5}})", "limits: f:1:25: expected : after the field name"},
       {R"({"limits": {"max_rooms": "five"}})",
        "limits.max_rooms: f:1:13: must be a whole number from 0 to 4294967295"},
       {R"({"limits": {"maxRooms": -1}})",
        "limits.max_rooms: f:1:13: must be a whole number from 0 to 4294967295"},
       {R"({"listeners": {}})", "listeners: f:1:2: must be a list: [ ... ]"},
       {R"({"limits": {"max_rooms": 1, "maxRooms": 2}})", "limits.max_rooms: f:1:29: must not be set twice"},
       {R"({"limits": {}, "admin": {}, "limits": {}})", "limits: f:1:29: must not be set twice"},
       {R"({"listeners": [{"filter_chains": [{"filters": [{"typed_config": {
              "@type": "type.googleapis.com/sluice.Limits", "max_rooms": 1, "max_rooms": 2}}]}]}]})",
        "listeners[0].filter_chains[0].filters[0].typed_config.max_rooms: f:2:77: must not be set twice"},
       {R"({"workers": {"pin_threads": 1}})", "workers.pin_threads: f:1:14: must be true or false"},
       {R"({"clusters": [{"policy": "RANDOM"}]})",
        "clusters[0].policy: f:1:16: must be one of SOURCE_HASH, ROUND_ROBIN"},
       {R"({"listeners": [{"filter_chains": [{"filters": [{"typed_config": {}}]}]}]})",
        "listeners[0].filter_chains[0].filters[0].typed_config: f:1:49: needs \"@type\", the filter's "
        "type, e.g. "
        "type.googleapis.com/sluice.filters.Forward"},
       {R"({"listeners": [{"filter_chains": [{"filters": [{"typed_config": {"@type": "sluice.Limits"}}]}]}]})",
        "listeners[0].filter_chains[0].filters[0].typed_config: f:1:49: needs \"@type\", the filter's "
        "type, e.g. type.googleapis.com/sluice.filters.Forward"}});
}

TEST_CASE("all misspelled JSON fields are found at once") {
  CHECK(errorsOf(config::Format::kJson, R"({"clustrs": [], "listners": []})").size() == 2);
}

TEST_CASE("endlessly nested JSON is refused") {
  const auto errors = errorsOf(config::Format::kJson, std::string(1'000'000, '['));
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].ends_with("is nested too deeply"));
}

TEST_CASE("a filter type that is not linked in is not an error of the JSON parser") {
  const auto parsed = config::parse(R"({"listeners": [{"filter_chains": [{"filters": [{"typed_config":
      {"@type": "type.googleapis.com/other.Filter", "rate": 1}}]}]}]})",
                                    config::Format::kJson, "f");
  REQUIRE(parsed.ok());
  CHECK(parsed->listeners(0).filter_chains(0).filters(0).typed_config().type_url() ==
        "type.googleapis.com/other.Filter");
}

TEST_CASE("no error quotes a secret") {
  struct FormattedText {
    config::Format format;
    const char* text;
  };
  const FormattedText cases[] = {
      {config::Format::kText, "credentials { shared_secrets \"TopSecret\" }"},
      {config::Format::kText, "credentials { shared_secrets: TopSecret }"},
      {config::Format::kText, "credentials { shared_secrets: 'a' 'b' = TopSecret }"},
      {config::Format::kText, "credentials { shared_secrets: \"a\"TopSecret\" }"},
      {config::Format::kText, "credentials { shared_secrets: \"a\"TopSecret\"b\" }"},
      {config::Format::kText, "credentials { shared_secrets: \"a\" TopSecret }"},
      {config::Format::kText, "credentials { shared_secrets: 'TopSecret\n' }"},
      {config::Format::kText, "credentials { shared_secrets: ['TopSecret' TopSecret] }"},
      {config::Format::kText, "admin { token TopSecret }"},
      {config::Format::kText, "admin { token { TopSecret } }"},
      {config::Format::kText, "limits { max_rooms: TopSecret }"},
      {config::Format::kText, "limits { max_rooms: 'TopSecret' }"},
      {config::Format::kText, "workers { pin_threads: TopSecret }"},
      {config::Format::kText, "clusters { policy: TopSecret }"},
      {config::Format::kJson, R"({"credentials": {"shared_secrets": ["TopSecret" "b"]}})"},
      {config::Format::kJson, R"({"credentials": {"shared_secrets": ["TopSecret)"},
      {config::Format::kJson, R"({"credentials": {"shared_secrets": [TopSecret]}})"},
      {config::Format::kJson, R"({"credentials": {"shared_secrets": "TopSecret"}})"},
      {config::Format::kJson, R"({"credentials": {"users": [{"password": {"a": "TopSecret"}}]}})"},
      {config::Format::kJson, R"({"admin": "TopSecret"})"},
      {config::Format::kJson, R"({"limits": {"max_rooms": "TopSecret"}})"},
      {config::Format::kJson, R"({"clusters": [{"policy": "TopSecret"}]})"},
      {config::Format::kJson, "{\"admin\": {\"token\": \"TopSecret\n\"}}"},
      {config::Format::kJson, "{\"admin\": {\"token\": \"\\qTopSecret; expected ':'\"}}"},
  };
  for (const FormattedText& c : cases) {
    CAPTURE(c.text);
    const auto errors = errorsOf(c.format, c.text);
    CHECK_FALSE(errors.empty());
    for (const std::string& error : errors) {
      CAPTURE(error);
      CHECK(error.find("Secret") == std::string::npos);
    }
  }
}

// Each level uses stack, and a dry run parses the input of anyone who can reach the admin endpoint.
TEST_CASE("text that is nested too deeply is refused before the stack is exhausted") {
  const std::string any = "listeners { filter_chains { filters { typed_config { ";
  const std::string module =
      any + R"([type.googleapis.com/sluice.filters.Module] { config { fields { key: "a" value { )";
  struct Case {
    std::string begin, level;
  };
  for (const Case& c : {Case{"", "listners { "},
                        {"", "listners < "},
                        {"listners: ", "["},
                        {"# {{{\n a: '}}}' ", "limits { limits { "},
                        {module, "list_value { values { "},
                        {any, "[type.googleapis.com/google.protobuf.Any] { "}}) {
    std::string text = c.begin;
    for (int i = 0; i < 300'000; ++i) text += c.level;
    CAPTURE(c.level);
    const auto errors = errorsOf(config::Format::kText, text);
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].ends_with(": is nested too deeply"));
  }
  std::string wide = "listeners { ";
  for (int i = 0; i < 1000; ++i) wide += "filter_chains { } ";
  CHECK(errorsOf(config::Format::kText, wide + "}").empty());
}
