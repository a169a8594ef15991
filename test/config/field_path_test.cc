#include "source/config/field_path.h"

#include <doctest/doctest.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <string_view>

#include "api/config.pb.h"

namespace sluice::config {
namespace {

using google::protobuf::TextFormat;

class IgnoreErrors final : public google::protobuf::io::ErrorCollector {
  void AddError(int, int, const std::string&) override {}
};

// The path at the place that is marked with ^ in the text.
std::string pathAt(std::string text) {
  const size_t mark = text.find('^');
  text.erase(mark, 1);
  const std::string_view before = std::string_view(text).substr(0, mark);
  const int line = static_cast<int>(std::count(before.begin(), before.end(), '\n'));
  const int column = static_cast<int>(mark - (before.rfind('\n') + 1));
  Bootstrap bootstrap;
  TextFormat::ParseInfoTree tree;
  TextFormat::Parser parser;
  IgnoreErrors ignore;
  parser.RecordErrorsTo(&ignore);
  parser.WriteLocationsTo(&tree);
  parser.ParseFromString(text, &bootstrap);
  return fieldPathAt(bootstrap, tree, line, column);
}

TEST_CASE("outside of all messages the path is empty") {
  CHECK(pathAt("^").empty());
  CHECK(pathAt("^ limits { max_rooms: 1 }").empty());
  CHECK(pathAt("limits { max_rooms: 1 } ^").empty());
  CHECK(pathAt("takeover_socket: ^'socket'").empty());
  CHECK(pathAt("limits { max_rooms: 1 }\n^\nworkers { count: 1 }").empty());
}

TEST_CASE("a message is everything from its name up to its closing brace") {
  CHECK(pathAt("^limits { max_rooms: 1 }") == "limits");
  CHECK(pathAt("limits {^ max_rooms: 1 }") == "limits");
  CHECK(pathAt("limits { max_rooms: ^1 }") == "limits");
  CHECK(pathAt("limits { max_rooms: 1 ^}") == "limits");
  CHECK(pathAt("limits { max_rooms: 1 }^").empty());
  CHECK(pathAt("limits {\n\n  max_rooms: 1\n^}") == "limits");
  CHECK(pathAt("limits {^}") == "limits");
}

TEST_CASE("repeated messages have an index, others have none") {
  const std::string text = "listeners { name: 'a' }\nlisteners { name: 'b' filter_chains { } ";
  CHECK(pathAt(text + "filter_chains { ^ } }") == "listeners[1].filter_chains[1]");
  CHECK(pathAt(text + "^ filter_chains { } }") == "listeners[1]");
  CHECK(pathAt("listeners { ^name: 'a' }\nlisteners { }") == "listeners[0]");
}

TEST_CASE("messages that stand in another order than in the schema are found by their place") {
  CHECK(pathAt("limits { ^ } listeners { }") == "limits");
  CHECK(pathAt("limits { } listeners { ^ }") == "listeners[0]");
  CHECK(pathAt("listeners { } limits { } listeners { ^ }") == "listeners[1]");
}

TEST_CASE("the path leads into a message at which the parser stopped") {
  CHECK(pathAt("listeners { } listeners { filter_chains { name: 'a' ^") == "listeners[1].filter_chains[0]");
  CHECK(pathAt("limits { } listeners { name: ^}") == "listeners[0]");
  CHECK(pathAt("listeners { } limits { max_rooms: ^x }") == "limits");
}

TEST_CASE("a message that was closed before the parser stopped is not on the path") {
  CHECK(pathAt("listeners { filter_chains { } name: ^") == "listeners[0]");
  CHECK(pathAt("listeners { } zzz ^").empty());
}

}  // namespace
}  // namespace sluice::config
