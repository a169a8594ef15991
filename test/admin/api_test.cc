#include "source/admin/api.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "source/admin/dashboard.h"

namespace sluice::admin {
namespace {

using nlohmann::json;

struct FakeOperations final : Operations {
  Status reload() override {
    ++reloads;
    return Done{};
  }
  void drain(bool) override { ++drains; }

  int reloads = 0;
  int drains = 0;
};

struct FakeBackend final : Backend {
  bool draining() const override { return operations.drains > 0; }
  json serverInfo() const override { return {{"version", "1"}}; }
  json configDump() const override { return json::object(); }
  json listeners() const override { return json::array(); }
  json reloads() const override { return {{"accepted", 3}}; }
  json sessions(const SessionQuery& query) const override {
    return json{
        {"limit", query.limit},       {"player", query.player},
        {"room", query.room},         {"chain", query.chain},
        {"listener", query.listener}, {"client", query.client.isSet() ? query.client.toString() : ""}};
  }
  void collect(stats::Samples&) const override {}
  Result<json> plan(const Question& question) const override {
    return json{{"text", question.text}, {"directory", question.directory}};
  }

  explicit FakeBackend(const FakeOperations& fake) : operations(fake) {}
  const FakeOperations& operations;
};

// Knows the room "lobby".
struct FakeRooms final : RoomSource {
  json rooms(size_t limit) const override { return {{"limit", limit}}; }
  std::optional<json> room(std::string_view name, size_t limit) const override {
    if (name != "lobby") return std::nullopt;
    return json{{"room", name}, {"limit", limit}};
  }
  http::Response matrix(std::string_view room) const override {
    return http::text(200, "matrix of " + std::string(room));
  }
  http::Response explain(std::string_view room, const http::Request& request) const override {
    return http::text(200, std::string(request.queryParameter("speaker")) + " in " + std::string(room));
  }
};

struct Fixture {
  http::Request request(std::string method, std::string path) const {
    http::Request made;
    made.method = std::move(method);
    made.path = std::move(path);
    made.headers = headers;
    return made;
  }
  http::Response responseTo(std::string method, std::string path) const {
    return api.handle(request(std::move(method), std::move(path)));
  }

  FakeOperations operations;
  FakeBackend backend{operations};
  FakeRooms rooms;
  Api api{backend, rooms, operations};
  std::map<std::string, std::string, std::less<>> headers{{"host", "127.0.0.1:9901"}};
};

std::string headerOf(const http::Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return "";
}

TEST_CASE("with a token, only the pages and the probes are open") {
  Fixture f;
  CHECK(f.responseTo("GET", "/server_info").status == 200);
  f.api.configure({.token = "sixteen bytes and"});
  for (const char* open : {"/", "/dashboard/main.js", "/help", "/ready", "/live"})
    CHECK(f.responseTo("GET", open).status == 200);
  for (const char* closed :
       {"/server_info", "/config_dump", "/listeners", "/sessions", "/stats", "/metrics", "/nothing", "/rooms",
        "/rooms/lobby", "/rooms/lobby/matrix", "/rooms/lobby/explain", "/reloads", "/dashboard"}) {
    CAPTURE(closed);
    const auto refused = f.responseTo("GET", closed);
    CHECK(refused.status == 401);
    CHECK(refused.headers.front().second == "Bearer");
  }
  for (const char* closed : {"/reload", "/drain", "/logging"})
    CHECK(f.responseTo("POST", closed).status == 401);
  CHECK(f.api.refuse(f.request("POST", "/reload"))->status == 401);
  for (const char* wrong : {"", "Bearer", "Bearer ", "Bearer sixteen bytes", "Bearer sixteen bytes and more",
                            "Basic sixteen bytes and"}) {
    CAPTURE(wrong);
    f.headers["authorization"] = wrong;
    CHECK(f.responseTo("GET", "/config_dump").status == 401);
  }
  CHECK(f.operations.reloads == 0);
  CHECK(f.operations.drains == 0);
  f.headers["authorization"] = "bearer sixteen bytes and";
  CHECK(f.responseTo("GET", "/config_dump").status == 200);
  CHECK(f.responseTo("POST", "/reload").status == 200);
  CHECK_FALSE(f.api.refuse(f.request("POST", "/reload")));
  CHECK(f.operations.reloads == 1);
}

TEST_CASE("requests from web pages are refused, under their own host name and under the endpoint's") {
  Fixture f;
  f.api.configure({.hosts = http::HostNames({"Sluice.internal"})});
  for (const char* path : {"/", "/ready", "/config_dump", "/sessions", "/rooms", "/dashboard/main.js"}) {
    CAPTURE(path);
    f.headers = {{"host", "evil.example:9901"}};
    CHECK(f.responseTo("GET", path).status == 403);
    f.headers = {{"host", "127.0.0.1:9901"}, {"origin", "http://evil.example"}};
    CHECK(f.responseTo("GET", path).status == 403);
    f.headers = {{"host", "sluice.INTERNAL:9901"}};
    CHECK(f.responseTo("GET", path).status == 200);
  }
  f.headers = {{"host", "127.0.0.1:9901"}, {"origin", "http://127.0.0.1:9901"}};
  CHECK(f.responseTo("GET", "/dashboard/main.js").status == 200);
  for (const char* path : {"/", "/server_info", "/rooms"}) CHECK(f.responseTo("GET", path).status == 403);
  CHECK(f.responseTo("POST", "/drain").status == 403);
  f.headers = {{"host", "evil.example"}, {"origin", "http://evil.example"}};
  CHECK(f.responseTo("GET", "/dashboard/main.js").status == 403);
  f.headers = {{"host", "127.0.0.1:9901"}, {"origin", "null"}};
  CHECK(f.responseTo("POST", "/drain").status == 403);
  f.headers = {{"host", "evil.example"}};
  CHECK(f.api.refuse(f.request("POST", "/reload"))->status == 403);
  CHECK(f.operations.drains == 0);
}

TEST_CASE("the help page lists the endpoints, with command lines to copy") {
  Fixture f;
  std::string page = f.responseTo("GET", "/help").body;
  CHECK(page.find("name=viewport") != page.npos);
  CHECK(page.find("<pre>curl 'http://127.0.0.1:9901/server_info'</pre>") != page.npos);
  CHECK(page.find("?listener=A&amp;speaker=B'") != page.npos);
  CHECK(page.find("curl -X POST 'http://127.0.0.1:9901/reload?dry_run=1'") != page.npos);
  f.api.configure({.token = "sixteen bytes and"});
  page = f.responseTo("GET", "/help").body;
  CHECK(page.find("curl 'http://127.0.0.1:9901/ready'") != page.npos);
  CHECK(page.find("curl -H \"Authorization: Bearer $TOKEN\" 'http://127.0.0.1:9901/server_info'") !=
        page.npos);
  CHECK(page.find("sixteen") == page.npos);
  f.headers["authorization"] = "Bearer sixteen bytes and";
  CHECK(f.responseTo("GET", "/server_info").body == "{\n  \"version\": \"1\"\n}\n");
}

TEST_CASE("the dashboard is the first page, and browsers load nothing else for it") {
  Fixture f;
  const http::Response page = f.responseTo("GET", "/");
  CHECK(page.status == 200);
  CHECK(page.content_type == "text/html; charset=utf-8");
  CHECK(headerOf(page, "Content-Security-Policy").starts_with("default-src 'none'; script-src 'self'; "));
  CHECK(headerOf(page, "X-Content-Type-Options") == "nosniff");
  const http::Response script = f.responseTo("GET", "/dashboard/main.js");
  CHECK(script.content_type == "text/javascript; charset=utf-8");
  CHECK(headerOf(script, "X-Content-Type-Options") == "nosniff");
  CHECK(f.responseTo("GET", "/dashboard/style.css").content_type == "text/css; charset=utf-8");
  CHECK(f.responseTo("GET", "/dashboard/other.js").status == 404);
  CHECK(f.responseTo("GET", "/dashboard/..%2Fapi.cc").status == 404);
}

TEST_CASE("every file that the dashboard's page and scripts name is there") {
  Fixture f;
  size_t named = 0;
  for (const DashboardFile& file : dashboardFiles()) {
    for (const char* prefix : {"from './", "\"/dashboard/"}) {
      for (size_t at = 0; (at = file.content.find(prefix, at)) != file.content.npos; ++named) {
        at += std::string_view(prefix).size();
        const std::string name(file.content.substr(at, file.content.find_first_of("'\"", at) - at));
        CAPTURE(name);
        CHECK(f.responseTo("GET", "/dashboard/" + name).status == 200);
      }
    }
  }
  CHECK(named > 3);
}

TEST_CASE("rooms are listed and read, and their limits are checked") {
  Fixture f;
  CHECK(json::parse(f.responseTo("GET", "/rooms").body)["limit"] == 100);
  CHECK(json::parse(f.responseTo("GET", "/rooms/lobby").body) == json{{"room", "lobby"}, {"limit", 200}});
  CHECK(f.responseTo("GET", "/rooms/nowhere").status == 404);
  CHECK(f.responseTo("GET", "/rooms/lobby/matrix").body == "matrix of lobby");
  http::Request request = f.request("GET", "/rooms/lobby/explain");
  request.query = {{"speaker", "ada"}};
  CHECK(f.api.handle(request).body == "ada in lobby");
  for (const char* path : {"/rooms", "/rooms/lobby"}) {
    request = f.request("GET", path);
    request.query = {{"limit", "7"}};
    CHECK(json::parse(f.api.handle(request).body)["limit"] == 7);
    request.query = {{"limit", "1001"}};
    CHECK(f.api.handle(request).status == 400);
  }
  CHECK(json::parse(f.responseTo("GET", "/reloads").body)["accepted"] == 3);
}

TEST_CASE("sessions are filtered by known parameters, and an unknown parameter is refused") {
  Fixture f;
  http::Request request = f.request("GET", "/sessions");
  request.query = {{"player", "ada"}, {"room", "lobby"}, {"chain", "c"}, {"listener", "l"}, {"limit", "7"}};
  request.query.insert({"client", "[2001:db8::1]:5000"});
  CHECK(json::parse(f.api.handle(request).body) == json{{"player", "ada"},
                                                        {"room", "lobby"},
                                                        {"chain", "c"},
                                                        {"listener", "l"},
                                                        {"limit", 7},
                                                        {"client", "[2001:db8::1]:5000"}});
  request.query = {{"client", "192.0.2.1"}};
  CHECK(json::parse(f.api.handle(request).body)["client"] == "192.0.2.1:0");
  request.query = {{"client", "ada"}};
  CHECK(f.api.handle(request).status == 400);
  request.query = {{"playr", "ada"}};
  const http::Response refused = f.api.handle(request);
  CHECK(refused.status == 400);
  CHECK(refused.body.find("playr") != std::string::npos);
}

TEST_CASE("a dry run may name the folder from which relative paths start") {
  Fixture f;
  http::Request request = f.request("POST", "/reload");
  request.body = "listeners {}";
  request.query = {{"dry_run", "1"}, {"directory", "/etc/voice"}};
  CHECK(json::parse(f.api.handle(request).body)["directory"] == "/etc/voice");
  request.query["directory"] = "etc";
  CHECK(f.api.handle(request).status == 400);
}

TEST_CASE("only a dry run accepts a body") {
  Fixture f;
  CHECK_FALSE(f.api.refuse(f.request("POST", "/reload")));
  CHECK(f.api.refuse(f.request("POST", "/drain"))->status == 413);
  http::Request body = f.request("POST", "/reload");
  body.body = "listeners {}";
  CHECK(f.api.handle(body).status == 400);
  body.query["dry_run"] = "1";
  CHECK(f.api.handle(body).status == 200);
  CHECK(f.operations.reloads == 0);
}

}  // namespace
}  // namespace sluice::admin
