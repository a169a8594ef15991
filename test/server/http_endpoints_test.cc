#include "source/server/http_endpoints.h"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <future>

#include "source/http/client.h"
#include "test/control/fake_state_sink.h"
#include "test/control/no_evidence.h"
#include "test/server/fake_admin.h"

namespace sluice::server {
namespace {

using net::Address;

Address loopback(uint16_t port = 0) {
  return Address::parse("127.0.0.1:0")->withPort(port);
}

config::Settings adminAt(uint16_t port, const std::string& token = "") {
  config::Settings settings;
  settings.admin = {.address = loopback(port), .token = token, .allowed_hosts = {}};
  return settings;
}

config::Settings withJoin(config::Settings settings, uint16_t port = 0) {
  settings.join.emplace();
  settings.join->address = loopback(port);
  settings.join->max_offer_bytes = 10'000;
  settings.join->max_connections_per_source = 10;
  settings.join->candidates = {loopback(3478)};
  return settings;
}

using Client = std::unique_ptr<http::Client>;

struct Fixture {
  ~Fixture() { endpoints.stop(); }

  // The effect of a reload.
  void apply(const config::Settings& settings) {
    const Status status = endpoints.prepare(settings);
    REQUIRE_MESSAGE(status.ok(), (status.ok() ? "" : toString(status.errors())));
    running.settings = settings;
    endpoints.commit(running);
  }
  static uint16_t portOf(int socket) { return net::boundAddress(socket).port(); }
  uint16_t adminPort() const { return portOf(endpoints.sockets().admin); }
  uint16_t joinPort() const { return portOf(endpoints.sockets().join); }

  static Client clientOf(uint16_t port, const std::string& token = "") {
    return *http::Client::make({.url = "http://127.0.0.1:" + std::to_string(port), .token = token});
  }
  // The connection of the client stays open.
  http::ClientResponse responseTo(const Client& client, const std::string& method, const std::string& target,
                                  const std::string& content_type = "") {
    bool done = false;
    auto response = std::async(std::launch::async, [&] {
      auto received = client->request(method, target, content_type);
      loop.post([&] { done = true; });
      return received;
    });
    while (!done) uv_run(loop.raw(), UV_RUN_ONCE);
    const auto received = response.get();
    REQUIRE_MESSAGE(received.ok(), (received.ok() ? "" : toString(received.errors())));
    return *received;
  }
  int statusOfJoin() {
    return responseTo(clientOf(joinPort()), "POST", "/v1/rooms/room/players/alice", "application/sdp").status;
  }
  std::string metrics() const {
    stats::Samples samples;
    endpoints.collect(samples);
    return samples.toText(true);
  }

  net::EventLoop loop;
  ManualClock clock;
  rooms::Directory rooms{{}, 1, clock};
  FakeBackend backend;
  FakeOperations operations;
  reload::Running running{
      .bootstrap = {}, .settings = {}, .generation = std::make_shared<runtime::Generation>()};
  test::FakeStateSink sink;
  control::RoomStates room_states{rooms, clock, sink};
  control::EventLog room_events;
  test::NoEvidence evidence;
  control::History history{clock};
  HttpEndpoints endpoints{{.loop = loop,
                           .clock = clock,
                           .rooms = rooms,
                           .certificate = {},
                           .backend = backend,
                           .operations = operations,
                           .room_states = room_states,
                           .room_events = room_events,
                           .evidence = evidence,
                           .history = history}};
};

TEST_CASE("HttpEndpoints: an endpoint that is not configured has no socket") {
  Fixture f;
  f.apply({});
  CHECK(f.endpoints.sockets().admin == -1);
  CHECK(f.endpoints.sockets().join == -1);
  f.apply(adminAt(0));
  CHECK(f.endpoints.sockets().admin != -1);
  CHECK(f.endpoints.sockets().join == -1);
  f.apply(withJoin({}));
  CHECK(f.endpoints.sockets().admin == -1);
  CHECK(f.endpoints.sockets().join != -1);
}

TEST_CASE("HttpEndpoints: each endpoint responds to its own requests") {
  Fixture f;
  f.apply(withJoin(adminAt(0)));
  CHECK(f.responseTo(f.clientOf(f.adminPort()), "GET", "/server_info").status == 200);
  CHECK(f.responseTo(f.clientOf(f.adminPort()), "GET", "/v1/rooms").status == 404);
  CHECK(f.responseTo(f.clientOf(f.joinPort()), "GET", "/v1/rooms").status == 200);
  CHECK(f.responseTo(f.clientOf(f.joinPort()), "GET", "/server_info").status == 404);
}

TEST_CASE("HttpEndpoints: prepare() reports each address in use, and the running endpoints stay") {
  Fixture f, other;
  f.apply(withJoin(adminAt(0)));
  other.apply(withJoin(adminAt(0)));
  const HttpEndpoints::Sockets before = f.endpoints.sockets();
  const Status status = f.endpoints.prepare(withJoin(adminAt(other.adminPort()), other.joinPort()));
  f.endpoints.abandon();
  REQUIRE_FALSE(status.ok());
  REQUIRE(status.errors().size() == 2);
  CHECK(status.errors()[0].path == "admin.address");
  CHECK(status.errors()[0].message ==
        "cannot listen on 127.0.0.1 port " + std::to_string(other.adminPort()) + ": Address already in use");
  CHECK(status.errors()[1].path == "join.address");
  CHECK(f.endpoints.sockets().admin == before.admin);
  CHECK(f.endpoints.sockets().join == before.join);
}

TEST_CASE("HttpEndpoints: an error of a TLS file names its field") {
  Fixture f;
  config::Settings settings = withJoin({});
  settings.join->tls.content = "content";
  settings.join->tls.certificate_file = "missing.pem";
  settings.join->tls.private_key_file = "missing_key.pem";
  const Status status = f.endpoints.prepare(settings);
  REQUIRE_FALSE(status.ok());
  REQUIRE(status.errors().size() == 1);
  CHECK(status.errors()[0].path == "join.tls_certificate_file");
}

TEST_CASE("HttpEndpoints: abandon() closes what prepare() opened") {
  Fixture f, other;
  f.apply(withJoin(adminAt(0)));
  const uint16_t join = f.joinPort();
  f.apply(adminAt(0));
  f.endpoints.sweep();
  REQUIRE(f.endpoints.prepare(withJoin({}, join)).ok());
  CHECK_FALSE(other.endpoints.prepare(withJoin({}, join)).ok());
  f.endpoints.abandon();
  CHECK(other.endpoints.prepare(withJoin({}, join)).ok());
  CHECK(f.responseTo(f.clientOf(f.adminPort()), "GET", "/server_info").status == 200);
}

TEST_CASE("HttpEndpoints: an inherited socket serves the endpoint whose address it has") {
  Fixture before, f;
  before.apply(withJoin(adminAt(0)));
  const HttpEndpoints::Sockets sockets = before.endpoints.sockets();
  const int admin = fcntl(sockets.admin, F_DUPFD_CLOEXEC, 0);
  const int join = fcntl(sockets.join, F_DUPFD_CLOEXEC, 0);
  f.endpoints.inherit({.admin = admin, .join = join});
  f.apply(adminAt(before.adminPort()));
  CHECK(f.endpoints.sockets().admin == admin);
  CHECK(fcntl(join, F_GETFD) == -1);
}

TEST_CASE("HttpEndpoints: a reload changes the token for requests on existing connections") {
  Fixture f;
  f.apply(adminAt(0));
  const Client client = f.clientOf(f.adminPort());
  CHECK(f.responseTo(client, "GET", "/server_info").status == 200);
  f.apply(adminAt(0, "a secret of 24 characters"));
  CHECK(f.responseTo(client, "GET", "/server_info").status == 401);
  const Client authorized = f.clientOf(f.adminPort(), "a secret of 24 characters");
  CHECK(f.responseTo(authorized, "GET", "/server_info").status == 200);
}

TEST_CASE("HttpEndpoints: after a takeover, existing connections receive 503") {
  Fixture f;
  f.apply(withJoin(adminAt(0)));
  const Client admin = f.clientOf(f.adminPort());
  const Client join = f.clientOf(f.joinPort());
  CHECK(f.responseTo(admin, "GET", "/server_info").status == 200);
  CHECK(f.responseTo(join, "GET", "/v1/rooms").status == 200);
  f.endpoints.handOver();
  const auto response = f.responseTo(admin, "GET", "/server_info");
  CHECK(response.status == 503);
  CHECK(response.body.find("another process has taken over: connect again") != std::string::npos);
  CHECK(f.responseTo(join, "GET", "/v1/rooms").status == 503);
}

TEST_CASE("HttpEndpoints: a drain refuses new players") {
  Fixture f;
  f.apply(withJoin({}));
  CHECK(f.statusOfJoin() == 400);  // the offer is empty
  f.endpoints.drain(30s);
  CHECK(f.statusOfJoin() == 503);
}

TEST_CASE("HttpEndpoints: a drain also refuses new players of a join API that a later reload adds") {
  Fixture f;
  f.apply(adminAt(0));
  f.endpoints.drain(std::nullopt);
  f.apply(withJoin(adminAt(0)));
  CHECK(f.statusOfJoin() == 503);
}

TEST_CASE("HttpEndpoints: the connections and refusals of each endpoint have metrics of their own") {
  Fixture f;
  config::Settings settings = withJoin(adminAt(0));
  settings.join->max_connections_per_source = 1;
  f.apply(settings);
  const Client client = f.clientOf(f.joinPort());
  CHECK(f.responseTo(client, "GET", "/v1/rooms").status == 200);
  const std::string metrics = f.metrics();
  const auto has = [&](const std::string& line) { return metrics.find(line + "\n") != std::string::npos; };
  CHECK(has("sluice_http_connections{endpoint=admin} 0"));
  CHECK(has("sluice_http_connections{endpoint=join} 1"));
  CHECK(has("sluice_http_bytes_in_flight{endpoint=join} 0"));
  for (const char* reason : http::Admission::kNames) {
    CAPTURE(reason);
    CHECK(has("sluice_http_refused_total{endpoint=admin,reason=" + std::string(reason) + "} 0"));
    CHECK(has("sluice_http_refused_total{endpoint=join,reason=" + std::string(reason) + "} 0"));
  }
}

}  // namespace
}  // namespace sluice::server
