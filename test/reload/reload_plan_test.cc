#include "source/reload/reload_plan.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "source/chain/filter_type.h"

namespace sluice::reload {
namespace {

using nlohmann::json;
using runtime::Generation;

const net::Address kOne = *net::Address::parse("192.0.2.1:1");
const net::Address kTwo = *net::Address::parse("192.0.2.1:2");
const net::Address kThree = *net::Address::parse("192.0.2.1:3");

struct Factory final : chain::FilterFactory {
  chain::FilterPtr create(chain::FilterContext&) const override { return nullptr; }
};
struct Losing final : chain::FilterFactory {
  chain::FilterPtr create(chain::FilterContext&) const override { return nullptr; }
  bool endsState(const chain::FilterFactory&) const override { return true; }
};
const chain::FilterType kPacer{.name = "pacer"};
const chain::FilterType kMarker{.name = "marker"};
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

LiveSession live(const std::string& listener, const std::string& chain, std::vector<net::Address> bound) {
  LiveSession session;
  session.listener = listener;
  session.chain = chain;
  session.bound = std::move(bound);
  return session;
}

json changesOf(const std::vector<chain::FilterSpec>& before, const std::vector<chain::FilterSpec>& after) {
  const json plan = planReload(generation({listener("l", {{"c", before}})}),
                               generation({listener("l", {{"c", after}})}), {}, {});
  json out = json::object();
  for (const json& each : plan["listeners"][0]["chains"][0]["filters"]) out[each["name"]] = each["change"];
  return out;
}

TEST_CASE("each kind of change to a filter has a name") {
  const auto fresh = std::make_shared<Factory>();
  CHECK(changesOf({filter("a"), filter("b"), filter("c"), filter("d")},
                  {filter("a"), filter("b", kPacer, fresh), filter("c", kMarker), filter("e")}) ==
        json{{"a", "kept"}, {"b", "reconfigured"}, {"c", "replaced"}, {"e", "inserted"}, {"d", "removed"}});
}

TEST_CASE("an equal configuration has no change, and another order is a change") {
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
  const json plan =
      planReload(before, after,
                 {live("kept", "c", {kOne}), live("kept", "c", {kOne, kTwo}), live("kept", "old", {kOne}),
                  live("gone", "c", {kThree}), live("unheard of", "c", {kOne})},
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

TEST_CASE("the plan reports when clients lose the state of a filter that stays") {
  const auto losing = std::make_shared<Losing>();
  const json plan = planReload(generation({listener("l", {{"c", {filter("a", kPacer, losing)}}})}),
                               generation({listener("l", {{"c", {filter("a")}}})}), {}, {});
  CHECK(plan["listeners"][0]["chains"][0]["filters"][0]["ends_state"] == true);
  CHECK(describePlan(plan).find("filter a: reconfigured, its clients would LOSE STATE") != std::string::npos);
}

TEST_CASE("an address that moves to another listener keeps its sessions") {
  const auto before = generation({listener("one", {{"c", {filter("a")}}})});
  const auto after = generation({listener("two", {{"c", {filter("a")}}})});
  CHECK(planReload(before, after, {live("one", "c", {kOne})}, {})["sessions_ending"] == 0);
  CHECK(planReload(before, after, {live("one", "d", {kOne})}, {})["sessions_ending"] ==
        0);  // it began meanwhile
}

TEST_CASE("sessions move to another version only if the shares change") {
  const auto versions = [](uint32_t old_share) {
    auto spec = listener("l", {{"c", {filter("a")}}, {"c", {filter("a"), filter("b")}}});
    auto made = std::make_shared<runtime::ListenerSpec>(*spec);
    auto first = std::make_shared<chain::ChainSpec>(*spec->chains[0]);
    auto second = std::make_shared<chain::ChainSpec>(*spec->chains[1]);
    first->version = "old";
    first->end_bucket = second->first_bucket = old_share * 100;
    second->version = "new";
    made->chains = {first, second};
    return generation({made});
  };
  std::vector<LiveSession> sessions;
  for (uint32_t bucket = 0; bucket < 10'000; bucket += 100) {
    sessions.push_back(live("l", "c", {kOne}));
    sessions.back().version = bucket < 9'000 ? "old" : "new";
    sessions.back().bucket = bucket;
  }
  const json plan = planReload(versions(90), versions(70), sessions, {});
  CHECK(plan["sessions_moving"] == 20);
  CHECK(plan["sessions_ending"] == 0);
  CHECK(plan["listeners"][0]["chains"][1]["sessions"] == 10);
  CHECK(plan["listeners"][0]["chains"][1]["share"] == 0.3);
  CHECK(describePlan(plan).find("chain c new: changed, share 30 %, 10 sessions") != std::string::npos);
  CHECK(planReload(versions(90), versions(90), sessions, {})["listeners"][0]["change"] == "kept");
  // A version that is removed gives its sessions to the others.
  Generation only_old = versions(100);
  auto listener_spec = std::make_shared<runtime::ListenerSpec>(*only_old.listeners[0]);
  listener_spec->chains.pop_back();
  only_old.listeners = {listener_spec};
  const json gone = planReload(versions(90), only_old, sessions, {});
  CHECK(gone["sessions_moving"] == 10);
  CHECK(gone["sessions_ending"] == 0);
}

}  // namespace
}  // namespace sluice::reload
