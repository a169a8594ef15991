#include "source/reload/settings_change.h"

#include <doctest/doctest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "source/config/load.h"

using namespace sluice;
using nlohmann::json;

namespace {

std::map<std::string, json> changes(const std::string& before, const std::string& after) {
  const auto a = config::parse(before, config::Format::kText, "a");
  const auto b = config::parse(after, config::Format::kText, "b");
  REQUIRE(a.ok());
  REQUIRE(b.ok());
  std::map<std::string, json> by_field;
  for (const json& change : reload::compareSettings(*a, *b)) by_field[change["field"]] = change;
  return by_field;
}

const std::string kBefore =
    "limits { max_rooms: 5 } admin { address: '127.0.0.1:1' token: 'OldSecret-aaaaaaa' }\n"
    "credentials { users { name: 'ada' password: 'OldSecret' } users { name: 'bob' password: 'OldSecret' } "
    "}\n"
    "listeners { name: 'l' address: '127.0.0.1:2' idle_timeout_s: 10 }\n";

}  // namespace

TEST_CASE("equal configurations have no change") {
  CHECK(changes(kBefore, kBefore).empty());
}

TEST_CASE(
    "each section's changes are named, with values that are not secrets and the time at which they take "
    "effect") {
  const auto found = changes(
      kBefore,
      "limits { max_rooms: 6 max_players: 7 } admin { address: '127.0.0.1:9' token: 'NewSecret-bbbbbbb' }\n"
      "join { address: '127.0.0.1:3' token_secrets: 'NewSecret-ccccccc' } nat { external_address: "
      "'192.0.2.1' }\n"
      "credentials { shared_secrets: 'NewSecret-ddddddd' users { name: 'bob' password: 'NewSecret' }\n"
      "  users { name: 'cy' password: 'NewSecret' } }\n"
      "listeners { name: 'l' address: '127.0.0.1:4' idle_timeout_s: 20 }\n");
  CHECK(found.at("limits.max_rooms") == json{{"field", "limits.max_rooms"},
                                             {"change", "changed"},
                                             {"from", "5"},
                                             {"to", "6"},
                                             {"takes_effect", "at once"}});
  CHECK(found.at("limits.max_players")["change"] == "added");
  CHECK(found.at("admin.address")["takes_effect"] == "for new connections");
  CHECK(found.at("admin.token")["change"] == "changed");
  CHECK(found.at("join")["change"] == "added");
  CHECK(found.at("nat")["change"] == "added");
  CHECK(found.at("credentials.users[ada]")["change"] == "removed");
  CHECK(found.at("credentials.users[bob].password")["change"] == "changed");
  CHECK(found.at("credentials.users[cy]")["change"] == "added");
  CHECK(found.at("credentials.shared_secrets[0]")["change"] == "added");
  CHECK(found.at("listeners[l].idle_timeout_s")["to"] == "20");
  CHECK(found.size() == 11);
  for (const auto& [field, change] : found) CHECK(change.dump().find("Secret-") == std::string::npos);
  for (const auto& [field, change] : found) CHECK(change.dump().find("\"NewSecret") == std::string::npos);
}

TEST_CASE("listeners that are added or removed, and their chains and addresses, are left to the plan") {
  CHECK(changes("listeners { name: 'a' address: 'x' }", "listeners { name: 'b' address: 'y' }").empty());
}
