#include "source/server/reload_plan.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "source/chain/filter_type.h"

namespace sluice::server {
namespace {

using nlohmann::json;
using runtime::Generation;

const net::Address kOne = *net::Address::parse("192.0.2.1:1");
const net::Address kTwo = *net::Address::parse("192.0.2.1:2");

struct Factory final : chain::FilterFactory {
  chain::FilterPtr create(chain::FilterContext&) const override { return nullptr; }
};
const chain::FilterType kPacer{.name = "pacer", .config_type = "", .schema = {}, .parse = nullptr};
const chain::FilterType kMarker{.name = "marker", .config_type = "", .schema = {}, .parse = nullptr};
const auto kSame = std::make_shared<Factory>();

chain::FilterSpec filter(const std::string& name, const chain::FilterType& type = kPacer,
                         chain::FilterFactoryPtr factory = kSame) {
  return {name, &type, "", std::move(factory), {}};
}

struct Chain {
  std::string name;
  std::vector<chain::FilterSpec> filters;
};

std::shared_ptr<runtime::ListenerSpec> listener(const std::string& name, const std::vector<Chain>& chains,
                                                std::vector<net::Address> addresses = {kOne}) {
  auto spec = std::make_shared<runtime::ListenerSpec>();
  spec->name = name;
  spec->addresses = std::move(addresses);
  for (const Chain& each : chains) {
    auto chain = std::make_shared<chain::ChainSpec>();
    chain->name = each.name;
    chain->filters = each.filters;
    spec->chains.push_back(chain);
  }
  return spec;
}

Generation generation(std::vector<runtime::ListenerSpecPtr> listeners) {
  Generation made;
  made.version = 7;
  made.listeners = std::move(listeners);
  return made;
}

json changesOf(const std::vector<chain::FilterSpec>& before, const std::vector<chain::FilterSpec>& after) {
  const json plan = planReload(generation({listener("l", {{"c", before}})}),
                               generation({listener("l", {{"c", after}})}), {}, {});
  json out = json::object();
  for (const json& each : plan["listeners"][0]["chains"][0]["filters"]) out[each["name"]] = each["change"];
  return out;
}

TEST_CASE("each filter's fate has a name") {
  const auto fresh = std::make_shared<Factory>();
  CHECK(changesOf({filter("a"), filter("b"), filter("c"), filter("d")},
                  {filter("a"), filter("b", kPacer, fresh), filter("c", kMarker), filter("e")}) ==
        json{{"a", "kept"}, {"b", "reconfigured"}, {"c", "replaced"}, {"e", "inserted"}, {"d", "removed"}});
}

TEST_CASE("nothing changes where nothing does, and another order is a change") {
  const auto plan = [](const std::vector<chain::FilterSpec>& after) {
    return planReload(generation({listener("l", {{"c", {filter("a"), filter("b")}}})}),
                      generation({listener("l", {{"c", after}})}), {}, {});
  };
  const json same = plan({filter("a"), filter("b")});
  CHECK(same["listeners"][0]["change"] == "kept");
  CHECK(describePlan(same).starts_with("no listener, chain or filter would change"));
  const json turned = plan({filter("b"), filter("a")});
  CHECK(turned["listeners"][0]["chains"][0]["reordered"] == true);
  CHECK(describePlan(turned).find("in another order") != std::string::npos);
}

TEST_CASE("sessions end with their listener, their chain or their address, and are counted there") {
  const Generation before =
      generation({listener("kept", {{"c", {filter("a")}}, {"old", {filter("a")}}}, {kOne, kTwo}),
                  listener("gone", {{"c", {filter("a")}}})});
  const Generation after =
      generation({listener("kept", {{"c", {filter("a")}}}, {kOne}), listener("new", {{"c", {filter("a")}}})});
  const json plan = planReload(before, after,
                               {{"kept", "c", {kOne}},
                                {"kept", "c", {kOne, kTwo}},
                                {"kept", "old", {kOne}},
                                {"gone", "c", {kOne}},
                                {"unheard of", "c", {kOne}}},
                               {kTwo});
  CHECK(plan["generation"] == 7);
  CHECK(plan["sessions"] == 5);
  CHECK(plan["sessions_ending"] == 3);
  const json& kept = plan["listeners"][0];
  CHECK(kept["change"] == "changed");
  CHECK(kept["addresses_removed"] == json{"192.0.2.1:2"});
  CHECK(kept["sessions"] == 3);
  CHECK(kept["sessions_ending"] == 2);
  CHECK(kept["chains"][0]["sessions_ending"] == 1);
  CHECK(kept["chains"][1]["change"] == "removed");
  CHECK(plan["listeners"][1]["change"] == "added");
  CHECK(plan["listeners"][2]["change"] == "removed");
  CHECK(plan["listeners"][2]["sessions_ending"] == 1);
  CHECK(describePlan(plan).find("listener gone: removed, 1 session, 1 would END") != std::string::npos);
}

}  // namespace
}  // namespace sluice::server
