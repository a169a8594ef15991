#include "source/http/router.h"

#include <doctest/doctest.h>

#include "source/http/host_names.h"

namespace sluice::http {
namespace {

Request request(std::string method, std::string path) {
  Request request;
  request.method = std::move(method);
  request.path = std::move(path);
  return request;
}

std::string_view headerOf(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (key == name) return value;
  }
  return "";
}

Router exampleRouter() {
  Router router;
  const auto show = [](std::string name) {
    return [name](const Request&, const Parameters& parameters) {
      std::string body = name;
      for (const auto& [key, value] : parameters) body += " " + key + "=" + value;
      return text(200, body);
    };
  };
  router.add("GET", "/v1/rooms", show("rooms"));
  router.add("GET", "/v1/rooms/{room}", show("room"));
  router.add("POST", "/v1/rooms/{room}/players/{player}", show("join"));
  router.add("DELETE", "/v1/rooms/{room}/players/{player}", show("leave"));
  router.add("GET", "/{path...}", show("file"));
  return router;
}

TEST_CASE("requests are routed by path and method") {
  const Router router = exampleRouter();
  struct Case {
    const char* method;
    const char* path;
    int status;
    const char* body;
  };
  const Case cases[] = {
      {"GET", "/v1/rooms", 200, "rooms"},
      {"HEAD", "/v1/rooms", 200, "rooms"},
      {"GET", "/v1/rooms/a%20b", 200, "room room=a b"},
      {"GET", "/v1/rooms/a%2Fb", 200, "room room=a/b"},
      {"GET", "/v1/rooms/", 200, "room room="},
      {"POST", "/v1/rooms/r/players/p", 200, "join player=p room=r"},
      {"DELETE", "/v1/rooms/r/players/p", 200, "leave player=p room=r"},
      {"GET", "/v1/rooms/r/players", 200, "file path=v1/rooms/r/players"},
      {"GET", "/", 200, "file path="},
      {"GET", "/a/%2e%2e/b", 200, "file path=a/../b"},
      {"GET", "*", 200, "file path=*"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.path);
    const Response response = router.handle(request(c.method, c.path));
    CHECK(response.status == c.status);
    CHECK(response.body == c.body);
  }
  for (const char* path : {"/v1/rooms/%", "/v1/rooms/%4", "/v1/rooms/%zz", "/v1/rooms/%00"}) {
    CAPTURE(path);
    const Response response = router.handle(request("GET", path));
    CHECK(response.status == 400);
    CHECK(response.body == "{\"error\":\"invalid percent-encoding in the path\",\"field\":\"room\"}\n");
  }
}

TEST_CASE("a router lists its routes, and whether they take a body") {
  Router router = exampleRouter();
  const auto none = [](const Request&, const Parameters&) { return std::nullopt; };
  router.add("PUT", "/v1/rooms/{room}", {}, none);
  std::string listed;
  for (const auto& [method, pattern, takes_body] : router.routes()) {
    listed += std::string(method) + " " + std::string(pattern) + (takes_body ? " body\n" : "\n");
  }
  CHECK(listed ==
        "GET /v1/rooms\n"
        "GET /v1/rooms/{room}\n"
        "PUT /v1/rooms/{room} body\n"
        "DELETE /v1/rooms/{room}/players/{player}\n"
        "POST /v1/rooms/{room}/players/{player}\n"
        "GET /{path...}\n");
}

TEST_CASE("unknown methods and paths are errors") {
  const Router router = exampleRouter();
  const Response refused = router.handle(request("PUT", "/v1/rooms/r/players/p"));
  CHECK(refused.status == 405);
  CHECK(headerOf(refused, "Allow") == "OPTIONS, DELETE, POST");
  CHECK(router.handle(request("GET", "/v1/rooms/r/players/p")).status == 405);
  const Response options = router.handle(request("OPTIONS", "/v1/rooms"));
  CHECK(options.status == 204);
  CHECK(headerOf(options, "Allow") == "OPTIONS, GET, HEAD");

  Router small;
  small.add("POST", "/only", [](const Request&, const Parameters&) { return text(200, "ok"); });
  CHECK(small.handle(request("POST", "/other")).status == 404);
  CHECK(small.handle(request("POST", "/only/more")).status == 404);
  CHECK(small.handle(request("HEAD", "/only")).status == 405);
}

TEST_CASE("errors are JSON, whatever bytes they quote") {
  CHECK(error(404, "no such room", "room").body == "{\"error\":\"no such room\",\"field\":\"room\"}\n");
  CHECK(error(400, "bad \"\xff\"").body == "{\"error\":\"bad \\\"\xef\xbf\xbd\\\"\"}\n");
  CHECK(error(400, "x").content_type == "application/json");
}

TEST_CASE("the content type of a request is compared without case and parameters") {
  Request r;
  r.headers["content-type"] = "Application/SDP; charset=utf-8";
  CHECK(r.contentType() == "application/sdp");
  CHECK(Request().contentType().empty());
}

TEST_CASE("a request with a body is checked by its headers, and refused if no body is allowed") {
  Router router;
  router.add("GET", "/thing", [](const Request&, const Parameters&) { return text(200, "read"); });
  router.add(
      "POST", "/thing/{id}", [](const Request&, const Parameters&) { return text(200, "written"); },
      [](const Request& request, const Parameters& parameters) -> std::optional<Response> {
        if (request.header("key") == parameters.at("id")) return std::nullopt;
        return error(401, "another key");
      });
  Request post = request("POST", "/thing/1");
  CHECK(router.refuse(post)->status == 401);
  CHECK(router.handle(post).status == 401);
  post.headers["key"] = "1";
  CHECK_FALSE(router.refuse(post));
  CHECK(router.handle(post).body == "written");
  CHECK(router.refuse(request("GET", "/thing"))->status == 413);
  CHECK(router.refuse(request("PUT", "/thing"))->status == 405);
  CHECK(router.refuse(request("POST", "/nothing"))->status == 404);
  CHECK(router.refuse(request("POST", "/thing/%zz"))->status == 400);
}

TEST_CASE("a Host header is accepted if it is an address, localhost or a configured name") {
  const HostNames names({"Game.Example", "sluice"});
  for (const char* ours :
       {"", "127.0.0.1", "127.0.0.1:8080", "192.0.2.1:80", "[::1]", "[2001:db8::1]:8080", "localhost",
        "LOCALHOST:8080", "app.localhost:1", "game.example", "GAME.example:443", "sluice:9901"}) {
    CAPTURE(ours);
    CHECK(names.contains(ours));
  }
  for (const char* foreign :
       {"evil.example", "evil.example:8080", "game.example.evil", "xgame.example", "notlocalhost",
        "127.0.0.1.evil.example", "[::1", "[evil]:80", "sluice:x", "127.0.0.1:80@evil", "1.2.3", "<b>",
        "<b>.localhost", "a b.localhost", ":80", "::1"}) {
    CAPTURE(foreign);
    CHECK_FALSE(names.contains(foreign));
  }
}

TEST_CASE("origins are accepted in the form that browsers send") {
  for (const char* good : {"*", "https://game.example", "http://localhost:3000", "http://127.0.0.1:8000",
                           "https://[2001:db8::1]:8443", "http://[::1]"}) {
    CAPTURE(good);
    CHECK(isOrigin(good));
  }
  for (const char* bad : {"", "game.example", "https://", "https://game.example/", "https://Game.example",
                          "null", "https://game.example:", "https://game.example:x", "ftp://game.example",
                          "https://*.example", "https://[evil]", "https://a b"}) {
    CAPTURE(bad);
    CHECK_FALSE(isOrigin(bad));
  }
}

TEST_CASE("a bearer token is the text after the scheme, in any case") {
  CHECK(bearerToken("Bearer abc") == "abc");
  CHECK(bearerToken("bEARER abc def") == "abc def");
  CHECK(bearerToken("Bearer ") == "");
  for (const char* other : {"", "Bearer", "Basic abc", "BearerX abc"}) CHECK_FALSE(bearerToken(other));
}

}  // namespace
}  // namespace sluice::http
