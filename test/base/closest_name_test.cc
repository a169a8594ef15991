#include "source/base/closest_name.h"

#include <doctest/doctest.h>

using namespace sluice;

TEST_CASE("closestName: finds the closest name, and none when all are far") {
  const std::vector<std::string> names{"listeners", "clusters", "limits", "nat"};
  CHECK(closestName("listner", names) == "listeners");
  CHECK(closestName("Clusters", names) == "clusters");
  CHECK(closestName("limit", names) == "limits");
  CHECK(closestName("workers", names).empty());
  CHECK(closestName("", names).empty());
  CHECK(closestName("net", names) == "nat");
  CHECK(closestName("nta", names) == "nat");
  CHECK(closestName(std::string(10'000, 'l'), names).empty());
  CHECK(didYouMean("listner", names) == "; did you mean listeners?");
  CHECK(didYouMean("workers", names).empty());
}
