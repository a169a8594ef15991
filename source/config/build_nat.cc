#include "source/config/build_nat.h"

namespace sluice::config {
namespace {

net::Address parseIp(const std::string& text, const std::string& path, Checks& checks) {
  auto address = net::Address::parseIp(text);
  if (address.ok()) return *address;
  checks.fail(path, address.error().message);
  return {};
}

// The IP addresses of the listeners; a wildcard covers all of the machine's except loopback.
std::set<net::Address> listening(const Bootstrap& bootstrap, const std::set<net::Address>& machine) {
  std::set<net::Address> all;
  const auto add = [&](const std::string& text) {
    const auto address = net::Address::parse(text);
    if (!address.ok()) return;
    if (!address->isWildcard()) {
      all.insert(address->withPort(0));
      return;
    }
    for (const net::Address& ip : machine) {
      if (ip.family() == address->family() && !ip.isLoopback()) all.insert(ip);
    }
  };
  for (const sluice::Listener& listener : bootstrap.listeners()) {
    add(listener.address());
    for (const std::string& address : listener.additional_addresses()) add(address);
  }
  return all;
}

}  // namespace

NatSettings buildNat(const Bootstrap& bootstrap, const BuildInput& input, Checks& checks) {
  const sluice::Nat& config = bootstrap.nat();
  NatSettings settings;
  auto addresses = std::make_shared<net::AddressMap>();
  std::set<net::Address> unmapped = listening(bootstrap, input.machine);
  const auto map = [&](const net::Address& local, const net::Address& external) {
    addresses->add(local, external);
    unmapped.erase(local);
  };
  std::set<std::string> locals;
  for (int i = 0; i < config.mappings_size(); ++i) {
    const std::string path = indexed("nat.mappings", i);
    checks.name(config.mappings(i).local(), path + ".local", locals);
    const net::Address local = parseIp(config.mappings(i).local(), path + ".local", checks);
    const net::Address external = parseIp(config.mappings(i).external(), path + ".external", checks);
    if (!local.isSet() || !external.isSet()) continue;
    if (local.family() != external.family())
      checks.fail(path + ".external", "is of another family than local");
    map(local, external);
  }
  const bool automatic = config.external_address() == "auto";
  if (automatic && config.stun_server().empty()) checks.fail("nat.stun_server", "is required with \"auto\"");
  if (!config.stun_server().empty()) {
    settings.stun_server = checks.address(config.stun_server(), "nat.stun_server");
    if (!automatic) checks.fail("nat.stun_server", "is used only with external_address: \"auto\"");
  }
  if (automatic) {
    for (const net::Address& local : std::set<net::Address>(unmapped)) {
      if (settings.stun_server && local.family() == settings.stun_server->family()) {
        settings.to_probe.push_back(local);
        const auto found = input.discovered.find(local);
        if (found != input.discovered.end()) map(local, found->second);
      }
    }
  } else if (!config.external_address().empty()) {
    const net::Address external = parseIp(config.external_address(), "nat.external_address", checks);
    for (const net::Address& local : std::set<net::Address>(unmapped)) {
      if (local.family() == external.family()) map(local, external);
    }
    for (const net::Address& machine : input.machine) {  // relays may use them
      const bool known = addresses->entries().contains(machine) || machine.isLoopback();
      if (machine.family() == external.family() && !known) map(machine, external);
    }
  }
  settings.refresh_interval = std::chrono::seconds{config.refresh_interval_s()};
  settings.addresses = std::move(addresses);
  return settings;
}

}  // namespace sluice::config
