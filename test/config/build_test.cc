#include "source/config/build.h"

#include <doctest/doctest.h>

#include "filters/builtin.h"
#include "source/config/load.h"

namespace sluice {
namespace {

constexpr const char* kStun =
    "filters { typed_config { [type.googleapis.com/sluice.filters.StunTurn] {} } } ";
constexpr const char* kDtls =
    "filters { typed_config { [type.googleapis.com/sluice.filters.DtlsSrtp] {} } } ";
constexpr const char* kRouter =
    "filters { typed_config { [type.googleapis.com/sluice.filters.RtpRouter] {} } } ";
constexpr const char* kForward =
    "filters { typed_config { [type.googleapis.com/sluice.filters.Forward] { cluster: 'up' } } } ";
constexpr const char* kCluster = "clusters { name: 'up' endpoints: '127.0.0.1:7' } ";

std::string filter(const std::string& type, const std::string& fields) {
  return "filters { typed_config { [type.googleapis.com/sluice.filters." + type + "] { " + fields + " } } } ";
}
std::string chain(const std::string& filters, const std::string& more = "name: 'c'") {
  return "filter_chains { " + more + " " + filters + "} ";
}
std::string listener(const std::string& chains,
                     const std::string& more = "name: 'l' address: '127.0.0.1:0'") {
  return "listeners { " + more + " " + chains + "} ";
}
const std::string kGood = listener(chain(kForward)) + kCluster;

struct Builder {
  RealClock clock;
  rooms::Directory rooms{{}, 1, clock};
  chain::Registry registry = builtinFilters();
  chain::ProcessState process;
  runtime::StatsStore stats{1};
  std::set<net::Address> machine;
  std::map<net::Address, net::Address> discovered;
  config::RolledBack rolled_back;

  Result<config::Built> build(const std::string& text, const runtime::Generation* previous = nullptr) {
    auto bootstrap = config::parse(text, config::Format::kText, "test.textproto");
    if (!bootstrap.ok()) return bootstrap.errors();
    return config::build({.bootstrap = *bootstrap,
                          .directory = ".",
                          .registry = registry,
                          .rooms = rooms,
                          .process = process,
                          .dtls = nullptr,
                          .concurrency = std::nullopt,
                          .stats = stats,
                          .machine = machine,
                          .discovered = discovered,
                          .previous = previous,
                          .version = 1,
                          .rolled_back = rolled_back});
  }
  std::vector<std::string> errors(const std::string& text) {
    const auto built = build(text);
    std::vector<std::string> out;
    if (!built.ok()) {
      for (const Error& error : built.errors()) out.push_back(error.toString());
    }
    return out;
  }
};

TEST_CASE("rules of rooms and the control API are checked") {
  struct Case {
    const char* text;
    const char* error;
  };
  const Case cases[] = {
      {"rooms { audibility {} }", "rooms[0].name: is required"},
      {"rooms { name: 'a b' }", "rooms[0].name: must be 1 to 64 of A-Z a-z 0-9 . _ ~ -, and may end with *"},
      {"rooms { name: 'a*b' }", "rooms[0].name: must be 1 to 64 of A-Z a-z 0-9 . _ ~ -, and may end with *"},
      {"rooms { name: 'a*' } rooms { name: 'ab' }", "rooms[1].name: is never used: 'a*' comes first"},
      {"rooms { name: '*' } rooms { name: 'b*' }", "rooms[1].name: is never used: '*' comes first"},
      {"rooms { name: 'a' } rooms { name: 'a' }", "rooms[1].name: 'a' is used twice"},
      {"rooms { name: 'a' audibility { rules { proximity { audible_distance: 0 } } } }",
       "rooms[0].audibility.rules[0].proximity.audible_distance: must be 0.01 to 1000000"},
      {"rooms { name: 'a' audibility { rules { everyone {} } rules { deny {} } } }",
       "rooms[0].audibility.rules[1]: is unreachable"},
      {"control { address: '127.0.0.1:0' }", "control.tokens: needs at least one token"},
      {"control { address: '127.0.0.1:0' tokens: 'short' }",
       "control.tokens[0]: must have at least 16 bytes"},
      {"control { tokens: 'a-token-of-16-bytes' }", "control.address: is required"},
      {"admin { address: '127.0.0.1:9' } control { address: '127.0.0.1:9' tokens: 'a-token-of-16-bytes' }",
       "control.address: 127.0.0.1:9 is in use by admin.address"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const auto errors = Builder().errors(kGood + c.text);
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].starts_with(c.error));
  }
  CHECK(Builder().errors(kGood + "rooms { name: 'a' } rooms { name: 'a*' } rooms { name: '*' }").empty());
}

TEST_CASE("every wrong value is reported with its field's path") {
  const std::string voice = std::string(kStun) + kDtls + kRouter;
  struct Case {
    std::string text;
    std::string error;  // its beginning
  };
  const Case cases[] = {
      {"", "listeners: at least one is required"},
      {listener(chain(kForward), "address: '127.0.0.1:0'") + kCluster, "listeners[0].name: is required"},
      {listener(chain(kForward), "name: 'l'") + kCluster, "listeners[0].address: is required"},
      {listener(chain(kForward), "name: 'l' address: 'nonsense'") + kCluster,
       "listeners[0].address: 'nonsense'"},
      {listener(chain(kForward), "name: 'l' address: '127.0.0.1:5000' additional_addresses: 'x'") + kCluster,
       "listeners[0].additional_addresses[0]: 'x'"},
      {listener(chain(kForward),
                "name: 'l' address: '127.0.0.1:5000' additional_addresses: '127.0.0.1:5000'") +
           kCluster,
       "listeners[0].additional_addresses[0]: 127.0.0.1:5000 is in use by listeners[0].address"},
      {kGood + listener(chain(kForward)), "listeners[1].name: 'l' is used twice"},
      {listener("") + kCluster, "listeners[0].filter_chains: at least one"},
      {listener(chain(kForward, "")) + kCluster, "listeners[0].filter_chains[0].name: is required"},
      {listener(chain("")) + kCluster, "listeners[0].filter_chains[0].filters: at least one"},
      {listener(chain(kForward) + chain(kForward, "name: 'd'")) + kCluster,
       "listeners[0].filter_chains[1]: cannot be reached"},
      {listener(chain(kForward, "name: 'c' match { source_prefixes: '10.0.0.0/40' }")) + kCluster,
       "listeners[0].filter_chains[0].match.source_prefixes[0]: '10.0.0.0/40'"},
      {listener(chain(kForward, "name: 'c' match { local_ports: 70000 }")) + kCluster,
       "listeners[0].filter_chains[0].match.local_ports[0]: must be 1 to 65535"},
      {listener(chain(kForward), "name: 'l' address: '127.0.0.1:0' idle_timeout_s: 0") + kCluster,
       "listeners[0].idle_timeout_s: must be 1 to 86400"},
      {listener(chain("filters {} ")), "listeners[0].filter_chains[0].filters[0].typed_config: is required"},
      {listener(chain("filters { typed_config { [type.googleapis.com/acme.Unknown] { a: 1 } } } ")),
       "listeners[0].filter_chains[0].filters[0].typed_config: no filter is of type "
       "'type.googleapis.com/acme.Unknown'"},
      {listener(chain(filter("Marker", "") + filter("Marker", "") + kForward)) + kCluster,
       "listeners[0].filter_chains[0].filters[1].name: 'marker' is used twice in the chain"},
      {listener(chain(filter("Forward", ""))),
       "listeners[0].filter_chains[0].filters[0].typed_config.cluster: is required"},
      {listener(chain(kForward)),
       "listeners[0].filter_chains[0].filters[0].typed_config.cluster: no cluster is named 'up'"},
      {listener(chain(filter("Marker", "egress { rtp { dscp: 64 } }") + kForward)) + kCluster,
       "listeners[0].filter_chains[0].filters[0].typed_config.egress.rtp.dscp: must be 0 to 63"},
      {listener(chain(filter("Pacer", "rate_bps: 1") + kForward)) + kCluster,
       "listeners[0].filter_chains[0].filters[0].typed_config.rate_bps: must be 8000 to 1000000000"},
      {listener(chain(filter("Pacer", "adaptation { alpha: 1.5 }") + kForward)) + kCluster,
       "listeners[0].filter_chains[0].filters[0].typed_config.adaptation.alpha: must be between 0 and 1"},
      {listener(chain(filter("Impair", "egress { loss { percent: 60 mean_burst: 1 } }") + kForward)) +
           kCluster,
       "listeners[0].filter_chains[0].filters[0].typed_config.egress.loss.percent: is more than bursts of "
       "this "
       "length can lose"},
      {listener(chain(filter("Impair", "egress { loss { gilbert_elliott {} } }") + kForward)) + kCluster,
       "listeners[0].filter_chains[0].filters[0].typed_config.egress.loss.gilbert_elliott.to_good_percent: "
       "must "
       "be above 0"},
      {listener(
           chain(filter("Impair", "ingress { loss { percent: 1 gilbert_elliott { to_good_percent: 1 } } }") +
                 kForward)) +
           kCluster,
       "listeners[0].filter_chains[0].filters[0].typed_config.ingress.loss.gilbert_elliott: must not be set "
       "together with percent"},
      {listener(chain(kForward + std::string("versions { name: 'v' weight: 1 ") + kForward + "} ")) +
           kCluster,
       "listeners[0].filter_chains[0].filters: must not be set together with versions"},
      {listener(chain(std::string("versions { name: 'v' ") + kForward + "} ")) + kCluster,
       "listeners[0].filter_chains[0].versions: at least one needs a weight"},
      {listener(chain(std::string("versions { weight: 1 ") + kForward + "} ")) + kCluster,
       "listeners[0].filter_chains[0].versions[0].name: is required"},
      {listener(chain(std::string("versions { name: 'v' weight: 10001 ") + kForward + "} ")) + kCluster,
       "listeners[0].filter_chains[0].versions[0].weight: must be 0 to 10000"},
      {listener(chain(std::string("versions { name: 'v' weight: 1 } "))) + kCluster,
       "listeners[0].filter_chains[0].versions[0].filters: at least one"},
      {listener(chain(std::string("versions { name: 'v' weight: 1 ") + kForward + "} versions { name: 'w' " +
                      voice + "} ")) +
           kCluster,
       "listeners[0].filter_chains[0].versions[1].filters: all versions must have stun_turn, or none"},
      {listener(chain(std::string("step_back {} ") + kForward)) + kCluster,
       "listeners[0].filter_chains[0].step_back: needs at least two versions"},
      {listener(chain(std::string("step_back { factor: 1 window_s: 0 } versions { name: 'v' weight: 1 ") +
                      kForward + "} versions { name: 'w' " + kForward + "} ")) +
           kCluster,
       "listeners[0].filter_chains[0].step_back.factor: must be 1.1"},
      {listener(chain(filter("StunTurn", "consent_timeout_s: 1") + kDtls + kRouter)),
       "listeners[0].filter_chains[0].filters[0].typed_config.consent_timeout_s: must be 5 to 3600"},
      {listener(chain(kStun + filter("DtlsSrtp", "handshake_timeout_s: 0") + kRouter)),
       "listeners[0].filter_chains[0].filters[1].typed_config.handshake_timeout_s: must be 1 to 120"},
      {listener(chain(std::string(kStun) + kDtls + filter("RtpRouter", "slot_hold_ms: 1"))),
       "listeners[0].filter_chains[0].filters[2].typed_config.slot_hold_ms: must be 20 to 60000"},
      {listener(chain(std::string(kDtls) + kStun + kRouter)),
       "listeners[0].filter_chains[0].filters[0]: dtls_srtp needs a filter before it that gives an "
       "authenticated peer"},
      {listener(chain(std::string(kStun) + kRouter)),
       "listeners[0].filter_chains[0].filters[1]: rtp_router needs a filter before it that gives plain RTP"},
      {listener(chain(filter("Marker", ""))),
       "listeners[0].filter_chains[0].filters[0]: the last filter must take datagrams out"},
      {listener(chain(std::string(kForward) + filter("Marker", ""))) + kCluster,
       "listeners[0].filter_chains[0].filters[0]: forward takes datagrams out of the chain and must be the "
       "last"},
      {listener(chain(kForward)) + "clusters { endpoints: '127.0.0.1:7' } " + kCluster,
       "clusters[0].name: is required"},
      {kGood + kCluster, "clusters[1].name: 'up' is used twice"},
      {listener(chain(kForward)) + "clusters { name: 'up' }",
       "clusters[0].endpoints: at least one is required"},
      {listener(chain(kForward)) + "clusters { name: 'up' endpoints: '127.0.0.1:0' }",
       "clusters[0].endpoints[0]: needs a port"},
      {kGood + "admin {}", "admin.address: is required"},
      {kGood + "workers { count: 65 }", "workers.count: must be 1 to 64"},
      {kGood + "limits { max_sessions: 0 }", "limits.max_sessions: must be 1 to"},
      {kGood + "join { address: '127.0.0.1:0' }", "join: needs a listener whose chain ends in rtp_router"},
      {listener(chain(voice), "name: 'l' address: '0.0.0.0:3478'") + "join { address: '127.0.0.1:0' }",
       "join.advertised_addresses: is required"},
      {listener(chain(voice), "name: 'l' address: '127.0.0.1:3478'") + "join { address: '0.0.0.0:80' }",
       "join.address: must be a loopback address unless token_secrets is set"},
      {listener(chain(voice), "name: 'l' address: '127.0.0.1:3478'") +
           "join { address: '0.0.0.0:80' token_secrets: 'short' }",
       "join.token_secrets[0]: must have at least 16 bytes"},
      {listener(chain(voice), "name: 'l' address: '127.0.0.1:3478'") +
           "join { address: '127.0.0.1:80' page_directory: 'no/such' }",
       "join.page_directory: "},
      {listener(chain(voice), "name: 'l' address: '127.0.0.1:3478'") +
           "join { address: '127.0.0.1:80' tls_certificate_file: 'no.pem' }",
       "join.tls_private_key_file: is needed together with tls_certificate_file"},
      {kGood + "join { max_connections_per_source: 0 }",
       "join.max_connections_per_source: must be 1 to 1000000"},
      {kGood + "join { max_connections_per_source: 1000001 }", "join.max_connections_per_source: must be"},
      {kGood + "join { max_tls_handshakes_per_second: 0 }",
       "join.max_tls_handshakes_per_second: must be 1 to 100000"},
      {kGood + "join { max_tls_handshakes_per_second: 100001 }",
       "join.max_tls_handshakes_per_second: must be"},
      {kGood + "join { trusted_proxies: '10.0.0.0/8' trusted_proxies: '10.0.0.0/33' }",
       "join.trusted_proxies[1]: "},
      {kGood + "join { trusted_proxies: 'proxy' }", "join.trusted_proxies[0]: "},
      {kGood + "join { allowed_origins: '*' allowed_origins: 'game.example' }",
       "join.allowed_origins[1]: must be"},
      {kGood + "join { allowed_hosts: 'a.example' allowed_hosts: 'a:80' }",
       "join.allowed_hosts[1]: must be a host name without a port"},
      {kGood + "admin { address: '127.0.0.1:80' allowed_hosts: '' }",
       "admin.allowed_hosts[0]: must be a host name"},
      {kGood + "admin { address: '127.0.0.1:80' token: 'short' }",
       "admin.token: must have at least 16 bytes"},
      {kGood + "admin { address: '127.0.0.1:80' token: 'sixteen bytes and more' }",
       "admin.token: must be printable ASCII without spaces"},
      {listener(chain(voice), "name: 'l' address: '127.0.0.1:3478'") +
           "join { address: '127.0.0.1:80' tls_certificate_file: '/dev/zero' tls_private_key_file: "
           "'/dev/zero' }",
       "join.tls_certificate_file: '/dev/zero' cannot be read"},
      {listener(chain(voice), "name: 'l' address: '127.0.0.1:3478'") +
           "join { address: '127.0.0.1:80' tls_certificate_file: '/proc/self/mem' tls_private_key_file: "
           "'/proc/self/pagemap' }",
       "join.tls_private_key_file: '/proc/self/pagemap' is larger than 1048576 bytes"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    const auto errors = Builder().errors(c.text);
    const bool found =
        std::any_of(errors.begin(), errors.end(), [&](const auto& e) { return e.starts_with(c.error); });
    CAPTURE(c.error);
    CAPTURE((errors.empty() ? std::string("no error") : errors.front()));
    CHECK(found);
  }
}

TEST_CASE("a certificate needs the private key that belongs to it") {
  const auto errors = [](const std::string& certificate, const std::string& key) {
    const std::string voice = filter("StunTurn", "") + filter("DtlsSrtp", "") + filter("RtpRouter", "");
    return Builder().errors(listener(chain(voice), "name: 'l' address: '127.0.0.1:3478'") +
                            "join { address: '127.0.0.1:80' tls_certificate_file: 'test/http/" + certificate +
                            "' tls_private_key_file: 'test/http/" + key + "' }");
  };
  CHECK(errors("certificate.pem", "private_key.pem").empty());
  const auto other = errors("certificate.pem", "other_private_key.pem");
  REQUIRE(other.size() == 1);
  CHECK(other[0] == "join.tls_private_key_file: does not belong to the certificate");
  const auto no_key = errors("certificate.pem", "certificate.pem");
  REQUIRE(no_key.size() == 1);
  CHECK(no_key[0].starts_with("join.tls_private_key_file: is not a private key"));
  const auto no_certificate = errors("private_key.pem", "private_key.pem");
  REQUIRE(no_certificate.size() == 1);
  CHECK(no_certificate[0].starts_with("join.tls_certificate_file: is not a certificate"));
}

TEST_CASE("an unknown filter type is reported with the known types") {
  const auto errors = Builder().errors(listener(chain(filter("StunTrun", ""))));
  REQUIRE_FALSE(errors.empty());
  CHECK(errors[0].find("did you mean sluice.filters.StunTurn?") != std::string::npos);
  CHECK(errors[0].find("sluice.filters.RtpRouter") != std::string::npos);
}

TEST_CASE(
    "a listener may use three quarters of all sessions, the only listener all of them, or the number it "
    "sets") {
  const auto sessions = [](const std::string& text) {
    const auto built = Builder().build(text);
    REQUIRE(built.ok());
    return built->generation->listeners[0]->max_sessions;
  };
  const std::string limits = "limits { max_sessions: 1000 }\n";
  const std::string other = listener(chain(kForward), "name: 'other' address: '127.0.0.1:0'");
  const std::string up = limits + kCluster;
  CHECK(sessions(listener(chain(kForward)) + up) == 1000);
  CHECK(sessions(listener(chain(kForward)) + other + up) == 750);
  CHECK(sessions(listener(chain(kForward), "name: 'l' address: '127.0.0.1:0' max_sessions: 9") + other +
                 up) == 9);
  CHECK(Builder().errors(listener(chain(kForward), "name: 'l' address: '127.0.0.1:0' max_sessions: 0") +
                         kCluster) ==
        std::vector<std::string>{"listeners[0].max_sessions: must be 1 to 10000000"});
}

TEST_CASE("every number has a range, and a value just outside the range is refused") {
  struct Case {
    const char* type;    // of the filter, or empty: the Bootstrap's own
    const char* format;  // of the fields, with # for the number
    const char* path;
    uint64_t low, high;
  };
  const Case cases[] = {
      {"", "workers { count: # }", "workers.count", 1, 64},
      {"", "workers { max_packets: # }", "workers.max_packets", 1024, 1'048'576},
      {"", "workers { coalesce_us: # }", "workers.coalesce_us", 0, 1000},
      {"", "limits { max_sessions: # }", "limits.max_sessions", 1, 10'000'000},
      {"", "limits { max_sessions_per_source: # }", "limits.max_sessions_per_source", 1, 10'000'000},
      {"", "limits { max_unauthenticated_sessions: # }", "limits.max_unauthenticated_sessions", 1,
       10'000'000},
      {"", "limits { authentication_timeout_s: # }", "limits.authentication_timeout_s", 1, 3600},
      {"", "limits { max_rooms: # }", "limits.max_rooms", 1, 10'000'000},
      {"", "limits { max_players_per_room: # }", "limits.max_players_per_room", 1, 100'000},
      {"", "limits { max_players: # }", "limits.max_players", 1, 10'000'000},
      {"", "limits { drain_timeout_s: # }", "limits.drain_timeout_s", 0, 86'400},
      {"Marker", "ingress { all { dscp: # } }", "ingress.all.dscp", 0, 63},
      {"Marker", "egress { stun { ttl: # } }", "egress.stun.ttl", 1, 255},
      {"Fragment", "max_messages: #", "max_messages", 1, 64},
      {"Fragment", "timeout_ms: #", "timeout_ms", 10, 10'000},
      {"Fragment", "max_datagram_bytes: #", "max_datagram_bytes", 128, 1500},
      {"Impair", "ingress { delay_ms: # }", "ingress.delay_ms", 0, 10'000},
      {"Impair", "egress { max_held: # }", "egress.max_held", 1, 65'536},
      {"Impair", "egress { loss { percent: # } }", "egress.loss.percent", 0, 100},
      {"Impair", "egress { loss { mean_burst: # } }", "egress.loss.mean_burst", 1, 1000},
      {"Impair", "egress { loss { gilbert_elliott { to_good_percent: 1 to_bad_percent: # } } }",
       "egress.loss.gilbert_elliott.to_bad_percent", 0, 100},
      {"Impair", "egress { loss { gilbert_elliott { to_good_percent: 1 good_loss_percent: # } } }",
       "egress.loss.gilbert_elliott.good_loss_percent", 0, 100},
      {"Impair", "egress { loss { gilbert_elliott { to_good_percent: 1 bad_loss_percent: # } } }",
       "egress.loss.gilbert_elliott.bad_loss_percent", 0, 100},
      {"Impair", "egress { jitter { max_ms: # } }", "egress.jitter.max_ms", 0, 10'000},
      {"Impair", "egress { reorder { percent: # } }", "egress.reorder.percent", 0, 100},
      {"Impair", "egress { reorder { by_ms: # } }", "egress.reorder.by_ms", 1, 10'000},
      {"Impair", "egress { duplicate_percent: # }", "egress.duplicate_percent", 0, 100},
      {"Impair", "egress { corrupt_percent: # }", "egress.corrupt_percent", 0, 100},
      {"Impair", "egress { rate { bps: # } }", "egress.rate.bps", 1000, 1'000'000'000},
      {"Impair", "egress { rate { bps: 1000 max_queue_ms: # } }", "egress.rate.max_queue_ms", 1, 10'000},
      {"Pacer", "rate_bps: #", "rate_bps", 8000, 1'000'000'000},
      {"Pacer", "burst_bytes: #", "burst_bytes", 256, 16'777'216},
      {"Pacer", "max_queue_packets: #", "max_queue_packets", 1, 4096},
      {"Pacer", "max_delay_ms: #", "max_delay_ms", 1, 10'000},
      {"Pacer", "adaptation { max_rate_bps: 1000000000 min_rate_bps: # }", "adaptation.min_rate_bps", 8000,
       1'000'000'000},
      {"Pacer", "adaptation { min_rate_bps: 8000 max_rate_bps: # }", "adaptation.max_rate_bps", 8000,
       1'000'000'000},
      {"Pacer", "adaptation { high_rtt_ms: 60000 low_rtt_ms: # }", "adaptation.low_rtt_ms", 1, 59'999},
      {"StunTurn", "max_unauthenticated_responses_per_second: #", "max_unauthenticated_responses_per_second",
       1, 1'000'000},
      {"StunTurn", "consent_timeout_s: #", "consent_timeout_s", 5, 3600},
      {"StunTurn", "turn { min_port: # }", "turn.min_port", 1024, 65'535},
      {"StunTurn", "turn { min_port: 1024 max_port: # }", "turn.max_port", 1024, 65'535},
      {"StunTurn", "turn { max_shared_ports: # }", "turn.max_shared_ports", 1, 256},
      {"StunTurn", "turn { max_lifetime_s: # }", "turn.max_lifetime_s", 600, 86'400},
      {"StunTurn", "turn { nonce_lifetime_s: # }", "turn.nonce_lifetime_s", 30, 86'400},
      {"StunTurn", "turn { max_allocations: # }", "turn.max_allocations", 1, 1'000'000},
      {"StunTurn", "turn { max_allocations_per_user: # }", "turn.max_allocations_per_user", 1, 1'000'000},
      {"StunTurn", "turn { max_peers_per_allocation: # }", "turn.max_peers_per_allocation", 1, 4096},
      {"", "credentials { ttl_s: # }", "credentials.ttl_s", 30, 86'400},
      {"", "nat { refresh_interval_s: # }", "nat.refresh_interval_s", 10, 86'400},
      {"DtlsSrtp", "retransmit_ms: #", "retransmit_ms", 20, 10'000},
      {"DtlsSrtp", "handshake_timeout_s: #", "handshake_timeout_s", 1, 120},
      {"RtpRouter", "slot_hold_ms: #", "slot_hold_ms", 20, 60'000},
      {"RtpRouter", "rtcp_interval_ms: #", "rtcp_interval_ms", 500, 60'000},
      {"RtpRouter", "uplink { packets_per_second: # }", "uplink.packets_per_second", 20, 10'000},
      {"RtpRouter", "uplink { burst_packets: # }", "uplink.burst_packets", 10, 100'000},
      {"RtpRouter", "uplink { bytes_per_second: # }", "uplink.bytes_per_second", 1'000, 1'000'000},
      {"RtpRouter", "uplink { burst_bytes: # }", "uplink.burst_bytes", 1'500, 10'000'000},
      {"Forward", "cluster: 'up' max_shared_sockets: #", "max_shared_sockets", 1, 1024},
      {"Forward", "cluster: 'up' idle_timeout_s: #", "idle_timeout_s", 1, 86'400},
  };
  for (const Case& c : cases) {
    const auto errorAt = [&](uint64_t value) {
      std::string fields = c.format;
      fields.replace(fields.find('#'), 1, std::to_string(value));
      const std::string type = c.type;
      size_t index = 0;
      std::string text;
      if (type.empty()) {
        text = kGood + fields;
      } else if (type == "Forward") {
        text = listener(chain(filter(type, fields))) + kCluster;
      } else if (type != "StunTurn" && type != "DtlsSrtp" && type != "RtpRouter") {
        text = listener(chain(filter(type, fields) + kForward)) + kCluster;
      } else {
        index = type == "StunTurn" ? 0 : type == "DtlsSrtp" ? 1 : 2;
        text = listener(chain((index == 0 ? filter(type, fields) : kStun) +
                              (index == 1 ? filter(type, fields) : kDtls) +
                              (index == 2 ? filter(type, fields) : kRouter)));
      }
      const std::string path = type.empty() ? c.path
                                            : "listeners[0].filter_chains[0].filters[" +
                                                  std::to_string(index) + "].typed_config." + c.path;
      CAPTURE(text);
      const auto errors = Builder().errors(text);
      for (const std::string& error : errors) CHECK(error.starts_with(path + ": "));
      return !errors.empty();
    };
    CHECK_FALSE(errorAt(c.low));
    CHECK_FALSE(errorAt(c.high));
    CHECK(errorAt(c.high + 1));
    if (c.low > 0) CHECK(errorAt(c.low - 1));
  }
}

TEST_CASE("addresses that clients cannot reach, or that two endpoints share, are refused") {
  const std::string voice =
      listener(chain(std::string(kStun) + kDtls + kRouter), "name: 'l' address: '127.0.0.1:3478'");
  struct Case {
    const char* text;
    const char* error;  // its beginning; empty: none
  };
  for (const Case& c : {
           Case{"join { address: '127.0.0.1:80' advertised_addresses: '192.0.2.1:3478' }", ""},
           Case{"join { address: '127.0.0.1:80' advertised_addresses: '0.0.0.0:3478' }",
                "join.advertised_addresses[0]: is not an address that a client can reach"},
           Case{"join { address: '127.0.0.1:80' advertised_addresses: '192.0.2.1:0' }",
                "join.advertised_addresses[0]: is not an address that a client can reach"},
           Case{"admin { address: '127.0.0.1:80' } join { address: '127.0.0.1:80' }",
                "join.address: 127.0.0.1:80 is in use by admin.address"},
           Case{"admin { address: '127.0.0.1:0' } join { address: '127.0.0.1:0' }", ""},
       }) {
    CAPTURE(c.text);
    const auto errors = Builder().errors(voice + c.text);
    if (*c.error == 0) {
      CHECK(errors.empty());
    } else {
      REQUIRE(errors.size() == 1);
      CHECK(errors[0].starts_with(c.error));
    }
  }
}

TEST_CASE("errors in the configuration of TURN, its users and the NAT are named") {
  const std::string kTurnPath = "listeners[0].filter_chains[0].filters[0].typed_config.turn.";
  struct Case {
    std::string turn, top_level, error;  // the error's beginning
  };
  for (const Case& c : {
           Case{"realm: '1234567890123456789012345'", "", kTurnPath + "realm: must have at most 24"},
           Case{"relay_addresses { address: 'x' }", "", kTurnPath + "relay_addresses[0].address: 'x'"},
           Case{"relay_addresses { address: '0.0.0.0' }", "",
                kTurnPath + "relay_addresses[0].address: must not be a wildcard"},
           Case{"relay_addresses { address: '10.0.0.1' for_local_address: 'y' }", "",
                kTurnPath + "relay_addresses[0].for_local_address: 'y'"},
           Case{"relay_addresses { address: '10.0.0.1' for_local_address: '192.0.2.1' }"
                "relay_addresses { address: '10.0.0.2' } relay_addresses { address: '10.0.0.3' }",
                "", kTurnPath + "relay_addresses[2].address: is never used: clients get 10.0.0.2"},
           Case{"min_port: 50001 max_port: 50000", "",
                kTurnPath + "max_port: must not be below min_port, 50001"},
           Case{"max_port: 40000", "", kTurnPath + "max_port: must not be below min_port, 49152"},
           Case{"alternate_servers: '192.0.2.1:0'", "", kTurnPath + "alternate_servers[0]: must have a port"},
           Case{"allowed_peers: '10.0.0.0/33'", "", kTurnPath + "allowed_peers[0]: '10.0.0.0/33'"},
           Case{"denied_peers: 'z'", "", kTurnPath + "denied_peers[0]: 'z'"},
           Case{"max_bandwidth_bps: 7999", "", kTurnPath + "max_bandwidth_bps: must be 0"},
           Case{"max_bandwidth_per_user_bps: 1", "", kTurnPath + "max_bandwidth_per_user_bps: must be 0"},
           Case{"alternate_servers: '192.0.2.1:1' alternate_servers: '192.0.2.2:1'", "",
                kTurnPath + "alternate_servers[1]: is the second address of its family"},
           Case{"", "credentials { users { password: '12345678' } }",
                "credentials.users[0].name: is required"},
           Case{"", "credentials { users { name: 'a' password: '1234567' } }",
                "credentials.users[0].password: must have at least 8"},
           Case{"",
                "credentials { users { name: 'a' password: '12345678' md5_key: '" + std::string(32, '0') +
                    "' } }",
                "credentials.users[0].password: must not be set together with keys"},
           Case{"", "credentials { users { name: 'a' sha256_key: '00' } }",
                "credentials.users[0].sha256_key: must have 64 digits"},
           Case{"", "credentials { shared_secrets: 'short' }",
                "credentials.shared_secrets[0]: must have at least 16"},
           Case{"", "nat { external_address: 'auto' }", "nat.stun_server: is required"},
           Case{"", "nat { external_address: 'w' }", "nat.external_address: 'w'"},
           Case{"", "nat { stun_server: '192.0.2.1:3478' }", "nat.stun_server: is used only with"},
           Case{"", "nat { mappings { local: '10.0.0.1' external: '2001:db8::1' } }",
                "nat.mappings[0].external: is of another family"},
       }) {
    CAPTURE(c.turn + c.top_level);
    const auto errors =
        Builder().errors(listener(chain(filter("StunTurn", "turn { " + c.turn + " }"))) + c.top_level);
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].starts_with(c.error));
  }
  CHECK(Builder().errors(listener(chain(filter("StunTurn", "turn {}")))).empty());

  const std::string itself = filter("StunTurn", "turn { alternate_servers: '192.0.2.1:3478' }");
  const auto errors = Builder().errors(listener(chain(itself), "name: 'l' address: '192.0.2.1:3478'"));
  REQUIRE(errors.size() == 1);
  CHECK(errors[0] == kTurnPath + "alternate_servers[0]: is this listener's own address");
}

TEST_CASE("NAT behaviour discovery needs all four addresses") {
  const auto errors = [](const std::string& more, const std::string& other) {
    return Builder().errors(listener(chain(filter("StunTurn", "other_address: '" + other + "'")),
                                     "name: 'l' address: '127.0.0.1:3478'" + more));
  };
  const std::string all =
      " additional_addresses: '127.0.0.2:3479' additional_addresses: '127.0.0.1:3479' "
      "additional_addresses: '127.0.0.2:3478'";
  CHECK(errors(all, "127.0.0.2:3479").empty());
  CHECK(errors("", "127.0.0.2:3479").size() == 3);
  CHECK_FALSE(errors(all, "127.0.0.2:3478").empty());
  CHECK_FALSE(errors(all, "nonsense").empty());
}

TEST_CASE("candidates and relays have the addresses that the NAT maps them to") {
  Builder builder;
  const std::string voice =
      listener(chain(std::string(kStun) + kDtls + kRouter), "name: 'l' address: '127.0.0.1:3478'");
  const auto candidate = [&](const std::string& nat) {
    const auto built = builder.build(voice + "join { address: '127.0.0.1:80' } " + nat);
    REQUIRE(built.ok());
    return built->settings.join->candidates.at(0).toString();
  };
  CHECK(candidate("") == "127.0.0.1:3478");
  CHECK(candidate("nat { external_address: '192.0.2.9' }") == "192.0.2.9:3478");
  CHECK(candidate(
            "nat { external_address: '192.0.2.9' mappings { local: '127.0.0.1' external: '192.0.2.8' } }") ==
        "192.0.2.8:3478");
}

TEST_CASE("build: the warnings of filters are returned, not logged") {
  Builder builder;
  const auto built = builder.build(listener(chain(filter("Impair", "") + kForward)) + kCluster);
  REQUIRE(built.ok());
  REQUIRE(built->warnings.size() == 1);
  CHECK(built->warnings[0].starts_with("impair is configured"));
  CHECK(builder.build(kGood)->warnings.empty());
}

TEST_CASE("build: all errors are returned together") {
  const auto errors =
      Builder().errors("listeners { address: 'x' } clusters { name: 'a' } admin { address: 'y' }");
  CHECK(errors.size() == 5);
}

TEST_CASE("misspelled fields are all found, with their paths and positions") {
  const auto errors = Builder().errors(
      "listeners {\n  nmae: 'x'\n  filter_chains { }\n  filter_chains {\n    filters { typed_config {\n"
      "      [type.googleapis.com/sluice.filters.Pacer] { rate: 1 }\n    } }\n  }\n}\nclutsers { }\n");
  REQUIRE(errors.size() == 3);
  CHECK(errors[0].starts_with("listeners[0].nmae: test.textproto:2:"));
  CHECK(
      errors[1].starts_with("listeners[0].filter_chains[1].filters[0].typed_config.rate: test.textproto:6:"));
  CHECK(errors[2].starts_with("clutsers: test.textproto:10:"));
}

TEST_CASE("a truncated file is an error with the path of the open message") {
  const auto errors = Builder().errors("listeners { name: 'a' }\nlisteners {\n  idle_timeout_s: 'soon'\n}\n");
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].starts_with("listeners[1]: test.textproto:3:"));
}

TEST_CASE("text and JSON give the same configuration") {
  const auto json = config::parse(
      R"({"listeners": [{"name": "l", "address": "127.0.0.1:0", "filter_chains": [{"name": "c", "filters": [
          {"typedConfig": {"@type": "type.googleapis.com/sluice.filters.Forward", "cluster": "up"}}]}]}],
          "clusters": [{"name": "up", "endpoints": ["127.0.0.1:7"]}]})",
      config::Format::kJson, "test.json");
  const auto text = config::parse(kGood, config::Format::kText, "test.textproto");
  REQUIRE(json.ok());
  REQUIRE(text.ok());
  CHECK(json->SerializeAsString() == text->SerializeAsString());
  CHECK_FALSE(config::parse("{\"nope\": 1}", config::Format::kJson, "test.json").ok());
  CHECK_FALSE(config::loadFile("no/such.textproto").ok());
  CHECK(config::loadFile("sluice.yaml").error().message.find(".textproto") != std::string::npos);
}

TEST_CASE("a reload keeps the factories whose configuration is equal") {
  Builder builder;
  const auto first =
      builder.build(listener(chain(filter("Marker", "egress { all { dscp: 1 } }") + kForward)) + kCluster);
  REQUIRE(first.ok());
  const auto second =
      builder.build(listener(chain(filter("Marker", "egress { all { dscp: 2 } }") + kForward)) + kCluster,
                    first->generation.get());
  REQUIRE(second.ok());
  const auto& before = first->generation->listeners[0]->chains[0]->filters;
  const auto& after = second->generation->listeners[0]->chains[0]->filters;
  CHECK(before[0].factory != after[0].factory);
  CHECK(before[1].factory == after[1].factory);
  CHECK(before[0].stats == after[0].stats);
  const auto third =
      builder.build(listener(chain(kForward)) + "clusters { name: 'up' endpoints: '127.0.0.1:8' }",
                    first->generation.get());
  CHECK(third->generation->listeners[0]->chains[0]->filters[0].factory != before[1].factory);
}

TEST_CASE(
    "versions share the buckets by weight, and a version that was rolled back has none until its filters "
    "change") {
  Builder builder;
  const auto text = [&](const std::string& new_filters) {
    return listener(chain("versions { name: 'old' weight: 3 " + std::string(kForward) +
                          "} versions { name: 'new' weight: 1 " + new_filters + kForward + "} ")) +
           kCluster;
  };
  const auto shares = [&](const std::string& config) {
    const auto built = builder.build(config);
    REQUIRE(built.ok());
    std::vector<std::pair<uint32_t, uint32_t>> out;
    for (const auto& chain : built->generation->listeners[0]->chains) {
      CHECK(chain->name == "c");
      out.emplace_back(chain->first_bucket, chain->end_bucket);
    }
    return out;
  };
  using Shares = std::vector<std::pair<uint32_t, uint32_t>>;
  CHECK(shares(text("")) == Shares{{0, 7500}, {7500, 10'000}});
  auto bootstrap = config::parse(text(""), config::Format::kText, "test.textproto");
  builder.rolled_back[{"l", "c", "new"}] =
      config::contentOf(bootstrap->listeners(0).filter_chains(0).versions(1));
  CHECK(shares(text("")) == Shares{{0, 10'000}, {10'000, 10'000}});
  CHECK(config::stillRolledBack(builder.rolled_back, *bootstrap) == builder.rolled_back);
  const std::string other = text(filter("Marker", ""));
  CHECK(shares(other) == Shares{{0, 7500}, {7500, 10'000}});
  CHECK(config::stillRolledBack(builder.rolled_back, *config::parse(other, config::Format::kText, "t"))
            .empty());
}

TEST_CASE("a chain's filters stay when the chain becomes a version of itself") {
  Builder builder;
  const auto alone = builder.build(kGood);
  REQUIRE(alone.ok());
  const auto both = builder.build(listener(chain("versions { name: 'old' weight: 9 " + std::string(kForward) +
                                                 "} versions { name: 'new' weight: 1 " + kForward + "} ")) +
                                      kCluster,
                                  alone->generation.get());
  REQUIRE(both.ok());
  const auto& before = alone->generation->listeners[0]->chains[0]->filters[0];
  const auto& after = both->generation->listeners[0]->chains[0]->filters[0];
  CHECK(before.factory == after.factory);
  CHECK(before.stats != after.stats);  // which are its version's
}

}  // namespace
}  // namespace sluice
