#include "source/server/metrics.h"

#include "test/server/server_parts.h"

namespace sluice::server {
namespace {

struct Fixture : ServerParts {
  // The value of a metric as text, "none" if there is no such metric.
  std::string value(const std::string& name_and_labels) const {
    stats::Samples samples;
    metrics.collect(samples);
    const std::string text = "\n" + samples.toText(true);
    const size_t at = text.find("\n" + name_and_labels + " ");
    if (at == std::string::npos) return "none";
    const size_t begin = at + name_and_labels.size() + 2;
    return text.substr(begin, text.find('\n', begin) - begin);
  }
  rooms::PlayerPtr join(const std::string& room, const std::string& id) {
    return *rooms.join(room, id, rooms::Negotiated{});
  }
};

TEST_CASE("Metrics: the process shows its uptime, generation, sessions and state") {
  Fixture f;
  f.start(reload::forwardConfig());
  f.clock.advance(90'500ms);
  CHECK(f.value("sluice_uptime_seconds{}") == "90.5000");
  CHECK(f.value("sluice_generation{}") == "1");
  CHECK(f.value("sluice_sessions{}") == "0");
  CHECK(f.value("sluice_draining{}") == "0");
  f.workers.total_sessions = 12;
  CHECK(f.value("sluice_sessions{}") == "12");
  f.drain.begin();
  CHECK(f.value("sluice_draining{}") == "1");
}

TEST_CASE("Metrics: reloads count by result, and only an accepted one increments the generation") {
  Fixture f;
  f.start(reload::forwardConfig());
  CHECK(f.value("sluice_reloads_total{result=ok}") == "0");
  CHECK(f.reload(reload::forwardConfig("idle_timeout_s: 7")).ok());
  CHECK_FALSE(f.reload(reload::forwardConfig("idle_timeout_s: 0")).ok());
  CHECK_FALSE(f.reload("listeners {").ok());
  CHECK(f.value("sluice_reloads_total{result=ok}") == "1");
  CHECK(f.value("sluice_reloads_total{result=refused}") == "2");
  CHECK(f.value("sluice_generation{}") == "2");
}

TEST_CASE("Metrics: sessions of the previous process count by result") {
  Fixture f;
  f.start(reload::forwardConfig());
  f.taken_over = {.kept = 7, .ended = 2};
  CHECK(f.value("sluice_takeover_sessions_total{result=kept}") == "7");
  CHECK(f.value("sluice_takeover_sessions_total{result=ended}") == "2");
}

TEST_CASE("Metrics: rooms, players and SSRC conflicts are counted over all rooms") {
  Fixture f;
  f.start(reload::forwardConfig());
  CHECK(f.value("sluice_rooms{}") == "0");
  const auto alice = f.join("one", "alice");
  const auto bob = f.join("one", "bob");
  const auto carol = f.join("two", "carol");
  alice->observed.connected = true;
  carol->observed.connected = true;
  f.rooms.bindSsrc(alice, 5);
  f.rooms.bindSsrc(bob, 5);
  f.rooms.bindSsrc(carol, 5);
  CHECK(f.value("sluice_rooms{}") == "2");
  CHECK(f.value("sluice_players{state=joined}") == "3");
  CHECK(f.value("sluice_players{state=connected}") == "2");
  CHECK(f.value("sluice_rooms_ssrc_conflicts_total{}") == "1");
  f.rooms.leave(carol);
  CHECK(f.value("sluice_rooms{}") == "1");
  CHECK(f.value("sluice_players{state=connected}") == "1");
}

TEST_CASE("Metrics: a worker shows its packets, its lost mail and the adoption of the configuration") {
  Fixture f;
  f.start(reload::forwardConfig());
  test::runOn(*f.workers.workers[0], [] {});  // the worker has adopted the configuration
  for (const char* name : {"busy_seconds_total", "busy_share", "pauses_total", "packets_allocated"}) {
    CAPTURE(name);
    CHECK(f.value("sluice_worker_" + std::string(name) + "{worker=0}") != "none");
  }
  for (const char* name : {"packets_exhausted", "packets_unaccounted", "inside_lost", "mail_lost"}) {
    CAPTURE(name);
    CHECK(f.value("sluice_worker_" + std::string(name) + "_total{worker=0}") == "0");
  }
  CHECK(f.value("sluice_worker_mailbox_full_total{worker=0}") == "0");
  CHECK(f.value("sluice_worker_adoption_seconds{worker=0}").starts_with("count=1 "));
}

TEST_CASE("Metrics: a filter whose type has info labels shows them with its place in the configuration") {
  Fixture f;
  const auto config = [](const std::string& chains) {
    return "credentials { shared_secrets: 'a secret of 24 characters' } "
           "listeners { name: 'l' address: '127.0.0.1:0' filter_chains { name: 'c' " +
           chains + " } } ";
  };
  const auto turn = [](const std::string& realm) {
    return "filters { typed_config { [type.googleapis.com/sluice.filters.StunTurn] { turn { realm: '" +
           realm + "' } } } } ";
  };
  f.start(config(turn("one.example")));
  CHECK(f.value("sluice_stun_turn_info{listener=l,chain=c,filter=stun_turn,realm=one.example}") == "1");
  const Status status = f.reload(config("versions { name: 'v1' weight: 1 " + turn("two.example") + " }"));
  REQUIRE_MESSAGE(status.ok(), (status.ok() ? "" : toString(status.errors())));
  CHECK(f.value("sluice_stun_turn_info{listener=l,chain=c,filter=stun_turn,realm=one.example}") == "none");
  CHECK(f.value("sluice_stun_turn_info{listener=l,chain=c,filter=stun_turn,version=v1,realm=two.example}") ==
        "1");
}

TEST_CASE("Metrics: listeners, chain versions and HTTP endpoints are part of the metrics") {
  Fixture f;
  f.start(
      "clusters { name: 'up' endpoints: '127.0.0.1:7' } listeners { name: 'l' address: '127.0.0.1:0' "
      "filter_chains { name: 'c' versions { name: 'old' weight: 3 " +
      reload::forwardFilter() + "} versions { name: 'new' weight: 1 " + reload::forwardFilter() + "} } } ");
  CHECK(f.value("sluice_rollout_share{listener=l,chain=c,version=old}") == "0.7500");
  CHECK(f.value("sluice_listener_sessions{listener=l}") == "0");
  CHECK(f.value("sluice_http_connections{endpoint=admin}") == "0");
}

}  // namespace
}  // namespace sluice::server
