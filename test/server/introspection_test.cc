#include "source/server/introspection.h"

#include <nlohmann/json.hpp>

#include "source/base/version.h"
#include "test/runtime/clients.h"
#include "test/server/server_parts.h"

namespace sluice::server {
namespace {

using nlohmann::json;
using Question = admin::Backend::Question;
using test::UdpClient;

struct Fixture : ServerParts {
  // A client with a session.
  UdpClient& connect(uint8_t content = 1) {
    UdpClient& client = clients.emplace_back();
    client.send(std::vector<uint8_t>{content}, ports.addresses("udp").at(0));
    REQUIRE(client.receive());
    return client;
  }
  Result<json> planOf(const std::string& text) const { return introspection.plan({.text = text}); }

  test::Echo echo;
  std::deque<UdpClient> clients;
  const Introspection introspection{{.clock = clock,
                                     .started = started,
                                     .applier = applier,
                                     .ports = ports,
                                     .workers = workers,
                                     .rooms = rooms,
                                     .drain = drain,
                                     .metrics = metrics}};
};

TEST_CASE("Introspection: the server's information has its version, state, uptime and external addresses") {
  Fixture f;
  f.start(reload::forwardConfig() + "nat { mappings { local: '192.0.2.1' external: '198.51.100.7' } } ");
  f.clock.advance(90'999ms);
  f.workers.total_sessions = 3;
  json expected{{"version", kVersion},
                {"process", getpid()},
                {"state", "serving"},
                {"uptime_s", 90},
                {"workers", 1},
                {"generation", 1},
                {"sessions", 3},
                {"config", f.applier.file()},
                {"external_addresses", {{"192.0.2.1", "198.51.100.7"}}}};
  CHECK(f.introspection.serverInfo().dump(1) == expected.dump(1));
  CHECK_FALSE(f.introspection.draining());
  f.drain.begin();
  CHECK(f.introspection.draining());
  CHECK(f.introspection.serverInfo()["state"] == "draining");
}

TEST_CASE("Introspection: the last reloads have their outcomes, newest first") {
  Fixture f;
  f.start(reload::forwardConfig());
  CHECK(f.introspection.reloads().dump() == R"({"accepted":0,"refused":0,"reloads":[]})");
  f.write(reload::forwardConfig("idle_timeout_s: 0"));
  CHECK_FALSE(f.applier.reload("a test").ok());
  f.clock.advance(1500ms);
  f.write(reload::forwardConfig());
  CHECK(f.applier.reload("another").ok());
  const json all = f.introspection.reloads();
  CHECK(all["accepted"] == 1);
  CHECK(all["refused"] == 1);
  REQUIRE(all["reloads"].size() == 2);
  CHECK(all["reloads"][0] ==
        json{{"trigger", "another"}, {"result", "ok"}, {"ago_s", 0.0}, {"errors", json::array()}});
  CHECK(all["reloads"][1]["result"] == "refused");
  CHECK(all["reloads"][1]["ago_s"] == 1.5);
  CHECK(all["reloads"][1]["errors"][0]["field"] == "listeners[0].idle_timeout_s");
  for (int i = 0; i < 20; ++i) CHECK(f.applier.reload("many").ok());
  CHECK(f.introspection.reloads()["reloads"].size() == reload::ConfigApplier::kOutcomes);
}

TEST_CASE("Introspection: the dump of the configuration keeps field names and hides secrets") {
  Fixture f;
  f.start(reload::forwardConfig("idle_timeout_s: 7") +
          "admin { address: '127.0.0.1:9901' token: 'a-secret-of-24-characters' }");
  const json dump = f.introspection.configDump();
  CHECK(dump["generation"] == 1);
  CHECK(dump["bootstrap"]["listeners"][0]["idle_timeout_s"] == 7);
  const json admin{{"address", "127.0.0.1:9901"}, {"token", "[hidden]"}};
  CHECK(dump["bootstrap"]["admin"].dump() == admin.dump());
}

TEST_CASE("Introspection: listeners have their bound addresses, chains and filters") {
  Fixture f;
  f.start(test::forwardConfig(f.echo.address()));
  const json filters{{{"name", "marker"}, {"type", "marker"}}, {{"name", "forward"}, {"type", "forward"}}};
  const json expected{{{"name", "udp"},
                       {"addresses", json::array({f.ports.addresses("udp").at(0).toString()})},
                       {"filter_chains", json::array({{{"name", "c"}, {"filters", filters}}})}}};
  CHECK(f.introspection.listeners().dump(1) == expected.dump(1));
}

TEST_CASE("Introspection: the versions of a chain have their share, and whether they were rolled back") {
  Fixture f;
  f.start(
      "clusters { name: 'up' endpoints: '127.0.0.1:7' } listeners { name: 'l' address: '127.0.0.1:0' "
      "filter_chains { name: 'c' versions { name: 'old' weight: 3 " +
      reload::forwardFilter() + "} versions { name: 'new' weight: 1 " + reload::forwardFilter() + "} } } ");
  json chains = f.introspection.listeners()[0]["filter_chains"];
  REQUIRE(chains.size() == 2);
  CHECK(chains[0]["version"] == "old");
  CHECK(chains[0]["share"] == 0.75);
  CHECK(chains[0]["stepped_back"] == false);
  CHECK(chains[1]["version"] == "new");
  CHECK(chains[1]["share"] == 0.25);
  reload::Environment environment = f.applier.environment();
  const auto& chain = f.applier.running().bootstrap.listeners(0).filter_chains(0);
  environment.rolled_back[{"l", "c", "new"}] = config::contentOf(chain.versions(1));
  REQUIRE(f.applier.changeEnvironment(environment).ok());
  chains = f.introspection.listeners()[0]["filter_chains"];
  CHECK(chains[0]["share"] == 1.0);
  CHECK(chains[0]["stepped_back"] == false);
  CHECK(chains[1]["share"] == 0.0);
  CHECK(chains[1]["stepped_back"] == true);
}

TEST_CASE("Introspection: sessions are selected by the query, and the total counts all of them") {
  Fixture f;
  f.start(test::forwardConfig(f.echo.address()));
  f.connect();
  const net::Address second = f.connect().local();
  CHECK(f.introspection.sessions({.limit = 10})["sessions"].size() == 2);
  const json one = f.introspection.sessions({.limit = 1});
  CHECK(one["total"] == 2);
  CHECK(one["sessions"].size() == 1);
  const json found = f.introspection.sessions({.limit = 10, .client = second});
  REQUIRE(found["sessions"].size() == 1);
  CHECK(found["total"] == 2);
  CHECK(found["sessions"][0]["remote"] == second.toString());
  CHECK(found["sessions"][0]["worker"] == 0);
  CHECK(f.introspection.sessions({.limit = 10, .room = "room"})["sessions"] == json::array());
}

TEST_CASE("Introspection: a plan counts the live sessions and changes nothing") {
  Fixture f;
  f.start(test::forwardConfig(f.echo.address()));
  f.connect();
  f.connect();
  const auto generation = f.applier.running().generation;
  f.write("listeners { name: 'other' address: '127.0.0.1:0' filter_chains { name: 'c' " +
          reload::forwardFilter() + "} } clusters { name: 'up' endpoints: '127.0.0.1:7' }");
  const auto plan = f.introspection.plan({});
  REQUIRE_MESSAGE(plan.ok(), (plan.ok() ? "" : toString(plan.errors())));
  CHECK((*plan)["sessions"] == 2);
  CHECK((*plan)["sessions_ending"] == 2);
  CHECK(f.applier.running().generation == generation);
  CHECK(f.applier.refused() == 0);
  CHECK(f.ports.addresses("other").empty());
  CHECK(f.introspection.sessions({.limit = 10})["sessions"].size() == 2);
}

TEST_CASE("Introspection: a plan of a text compares it with the running configuration") {
  Fixture f;
  f.start(test::forwardConfig(f.echo.address()));
  f.write("not read");
  f.connect();
  const auto plan = f.planOf(test::forwardConfig(f.echo.address(), 46, "limits { max_sessions: 9 }"));
  REQUIRE_MESSAGE(plan.ok(), (plan.ok() ? "" : toString(plan.errors())));
  CHECK((*plan)["sessions_ending"] == 0);
  const json filters = (*plan)["listeners"][0]["chains"][0]["filters"];
  CHECK(filters[0]["change"] == "reconfigured");
  CHECK(filters[1]["change"] == "kept");
  REQUIRE((*plan)["settings"].size() == 1);
  CHECK((*plan)["settings"][0]["field"] == "limits");
}

TEST_CASE("Introspection: a plan has the errors that a reload would have") {
  Fixture f;
  f.start(reload::forwardConfig());
  const auto syntax = f.planOf("listeners {");
  REQUIRE_FALSE(syntax.ok());
  CHECK(syntax.error().message.starts_with("body:1:"));
  const auto field = f.planOf(reload::forwardConfig("idle_timeout_s: 0"));
  REQUIRE_FALSE(field.ok());
  CHECK(field.error().path == "listeners[0].idle_timeout_s");
  const auto fixed = f.planOf(reload::forwardConfig() + "workers { max_packets: 2048 }");
  REQUIRE_FALSE(fixed.ok());
  CHECK(fixed.error().path == "workers");
  const auto json_text = f.introspection.plan({.text = "{\"listeners\": 5}", .is_json = true});
  REQUIRE_FALSE(json_text.ok());
  CHECK(json_text.error().path == "listeners");
  std::filesystem::remove(f.applier.file());
  CHECK_FALSE(f.introspection.plan({}).ok());
}

TEST_CASE("Introspection: a takeover socket of the same name in another directory is no change") {
  Fixture f;
  const auto with = [](const std::string& socket) {
    return reload::forwardConfig() + "takeover_socket: '" + socket + "'";
  };
  f.start(with("takeover"));
  CHECK(f.introspection.plan({.text = with("takeover"), .directory = "/elsewhere"}).ok());
  const auto other = f.introspection.plan({.text = with("other"), .directory = "/elsewhere"});
  REQUIRE_FALSE(other.ok());
  CHECK(other.error().path == "takeover_socket");
}

}  // namespace
}  // namespace sluice::server
