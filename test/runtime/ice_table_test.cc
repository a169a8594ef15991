#include "source/runtime/ice_table.h"

#include <doctest/doctest.h>

#include "source/rooms/room.h"

namespace sluice::runtime {
namespace {

rooms::PlayerPtr makePlayer(const std::string& ufrag) {
  rooms::Negotiated negotiated;
  negotiated.local.ufrag = ufrag;
  return std::make_shared<rooms::Player>(std::make_shared<rooms::Room>("room", 1), "player", negotiated);
}

TEST_CASE("a player's older credentials are valid until a check with newer ones is authenticated") {
  IceTable table;
  const auto player = makePlayer("a");
  table.add(player, {"a", "pass-a"});
  table.add(player, {"b", "pass-b"});
  CHECK(table.find("a")->ice.password == "pass-a");
  CHECK(table.find("b")->player == player);
  table.invalidateOlder(*player, "a");
  CHECK(table.find("b") != nullptr);
  table.invalidateOlder(*player, "b");
  CHECK(table.find("a") == nullptr);
  CHECK(table.find("b") != nullptr);
}

TEST_CASE("a player has at most two credentials, and none once it has left") {
  IceTable table;
  const auto player = makePlayer("a"), other = makePlayer("x");
  table.add(other, {"x", "pass-x"});
  for (const char* ufrag : {"a", "b", "b", "c"}) table.add(player, {ufrag, "password"});
  CHECK(table.find("a") == nullptr);
  CHECK(table.find("b") != nullptr);
  CHECK(table.find("c") != nullptr);
  table.invalidateOlder(*other, "c");  // not the other player's
  CHECK(table.find("x") != nullptr);
  CHECK(table.playerNamed("a") == player);
  CHECK(table.playerNamed("b") == nullptr);
  table.remove(*player);
  CHECK(table.playerNamed("a") == nullptr);
  CHECK(table.find("b") == nullptr);
  CHECK(table.find("c") == nullptr);
  CHECK(table.find("x") != nullptr);
  table.remove(*player);
}

}  // namespace
}  // namespace sluice::runtime
