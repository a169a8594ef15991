#include "filters/stun_turn/turn_settings.h"

#include <algorithm>

#include "source/net/prefixes.h"

namespace sluice::stun_turn {
namespace {

constexpr uint64_t kMinBandwidth = 8000;

// Collects errors, with paths below "turn".
struct Reader {
  Errors& errors;

  void fail(const std::string& path, std::string message) {
    errors.push_back({"turn." + path, std::move(message)});
  }
  void bandwidth(uint64_t value, const char* path, double& out) {
    if (value != 0 && value < kMinBandwidth) fail(path, "must be 0, which is no limit, or at least 8000");
    out = static_cast<double>(value);
  }
  net::Address take(const Result<net::Address>& address, const std::string& path) {
    if (address.ok()) return *address;
    fail(path, address.error().message);
    return {};
  }
  template <typename List>
  std::vector<net::Prefix> prefixes(const List& texts, const std::string& name) {
    return net::readPrefixes(texts, "turn." + name, errors);
  }
};

void readRelays(const filters::Turn& config, Reader& reader, TurnSettings& out) {
  for (int i = 0; i < config.relay_addresses_size(); ++i) {
    const std::string path = "relay_addresses[" + std::to_string(i) + "].";
    const filters::RelayAddress& relay = config.relay_addresses(i);
    TurnSettings::RelayIp entry;
    entry.ip = reader.take(net::Address::parseIp(relay.address()), path + "address");
    if (entry.ip.isWildcard()) reader.fail(path + "address", "must not be a wildcard address");
    if (!relay.for_local_address().empty()) {
      entry.for_local =
          reader.take(net::Address::parseIp(relay.for_local_address()), path + "for_local_address");
    }
    const auto hidden_by = std::ranges::find_if(out.relay_ips, [&](const TurnSettings::RelayIp& earlier) {
      const bool same_clients = !earlier.for_local.isSet() || earlier.for_local == entry.for_local;
      return entry.ip.isSet() && earlier.ip.family() == entry.ip.family() && same_clients;
    });
    if (hidden_by != out.relay_ips.end()) {
      reader.fail(path + "address", "is never used: clients get " + hidden_by->ip.ipString());
    }
    out.relay_ips.push_back(entry);
  }
  out.min_port = static_cast<uint16_t>(config.min_port());
  out.max_port = static_cast<uint16_t>(config.max_port());
  if (out.min_port > out.max_port) {
    reader.fail("max_port", "must not be below min_port, " + std::to_string(out.min_port));
  }
  out.shared_ports = config.relays() == filters::Turn::SHARED;
  out.shared_when_short = config.relays() == filters::Turn::SHARED_WHEN_SHORT;
  out.max_shared_ports = config.max_shared_ports();
}

void readQuotas(const filters::Turn& config, const std::vector<net::Address>& listener, Reader& reader,
                TurnSettings& out) {
  out.max_allocations = config.max_allocations();
  out.max_allocations_per_user = config.max_allocations_per_user();
  out.max_peers_per_allocation = config.max_peers_per_allocation();
  if (config.rfc5766_channel_numbers()) out.last_channel = turn::Allocation::kLastOldChannel;
  reader.bandwidth(config.max_bandwidth_per_user_bps(), "max_bandwidth_per_user_bps",
                   out.max_bandwidth_per_user);
  reader.bandwidth(config.max_bandwidth_bps(), "max_bandwidth_bps", out.max_bandwidth);
  std::set<net::Address::Family> families;
  for (int i = 0; i < config.alternate_servers_size(); ++i) {
    const std::string path = "alternate_servers[" + std::to_string(i) + "]";
    out.alternate_servers.push_back(reader.take(net::Address::parse(config.alternate_servers(i)), path));
    const net::Address& server = out.alternate_servers.back();
    if (server.isSet() && server.port() == 0) reader.fail(path, "must have a port");
    if (std::ranges::count(listener, server) > 0) reader.fail(path, "is this listener's own address");
    if (!families.insert(out.alternate_servers.back().family()).second) {
      reader.fail(path, "is the second address of its family");
    }
  }
}

}  // namespace

std::optional<TurnSettings> TurnSettings::make(const filters::Turn& config, chain::FactoryContext& context,
                                               Errors& errors) {
  const size_t before = errors.size();
  Reader reader{errors};
  TurnSettings out;
  const std::string realm = config.realm().empty() ? "sluice" : config.realm();
  if (realm.size() > turn::LongTerm::kMaxRealm) reader.fail("realm", "must have at most 24 bytes");
  if (realm.size() > turn::LongTerm::kMaxRealmOfSha256) {
    context.warnings.push_back("realm '" + realm +
                               "' has more than 12 bytes: clients are not offered SHA-256");
  }
  readRelays(config, reader, out);
  out.max_lifetime = std::chrono::seconds{config.max_lifetime_s()};
  std::set<net::Address> own = context.machine;
  for (const auto& [local, external] : context.nat->entries()) own.insert(external);
  for (const TurnSettings::RelayIp& relay : out.relay_ips) own.insert(relay.ip);
  for (const net::Address& address : context.listener) own.insert(address.withPort(0));
  out.peers = turn::PeerPolicy(reader.prefixes(config.allowed_peers(), "allowed_peers"),
                               reader.prefixes(config.denied_peers(), "denied_peers"), std::move(own));
  readQuotas(config, context.listener, reader, out);
  out.listener = context.listener;
  out.credentials = context.credentials;
  out.nat = context.nat;
  out.process = context.process.get<TurnProcess>();
  out.auth = std::make_shared<turn::LongTerm>(realm, std::chrono::seconds{config.nonce_lifetime_s()},
                                              out.process->nonces(), context.credentials);
  if (errors.size() > before) return std::nullopt;
  return out;
}

net::Address TurnSettings::relayIp(net::Address::Family family, const net::Address& local) const {
  const net::Address mine = local.withPort(0);
  const auto serves = [&](const RelayIp& relay) {
    return relay.ip.family() == family && (!relay.for_local.isSet() || relay.for_local == mine);
  };
  const auto found = std::find_if(relay_ips.begin(), relay_ips.end(), serves);
  if (found != relay_ips.end()) return found->ip;
  if (!relay_ips.empty()) return {};
  if (mine.family() == family) return mine;
  const auto other = std::find_if(listener.begin(), listener.end(), [&](const net::Address& address) {
    return address.family() == family && !address.isWildcard();
  });
  return other == listener.end() ? net::Address() : other->withPort(0);
}

Duration TurnSettings::lifetime(std::optional<uint32_t> requested_s, bool scarce) const {
  const Duration most = scarce ? turn::Allocation::kDefaultLifetime : max_lifetime;
  const Duration wanted = std::min<Duration>(std::chrono::seconds{requested_s.value_or(0)}, most);
  return std::max(wanted, turn::Allocation::kDefaultLifetime);
}

}  // namespace sluice::stun_turn
