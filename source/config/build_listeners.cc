#include "source/config/build_listeners.h"

#include <algorithm>
#include <optional>

#include "source/base/closest_name.h"
#include "source/config/rollout.h"

namespace sluice::config {
namespace {

bool authenticates(const chain::FilterType& type) {
  return (type.gives & chain::kAuthenticatedPeer) != 0;
}

std::string propertyNames(chain::Properties properties, const chain::Registry& registry) {
  std::string names;
  if (properties & chain::kAuthenticatedPeer) {
    names += "an authenticated peer (" + registry.names(authenticates) + ")";
  }
  if (properties & chain::kPlainRtp) {
    const auto decrypts = [](const chain::FilterType& type) { return (type.gives & chain::kPlainRtp) != 0; };
    names += std::string(names.empty() ? "" : " and ") + "plain RTP (" + registry.names(decrypts) + ")";
  }
  return names;
}

std::string noSuchType(const std::string& url, const chain::Registry& registry) {
  std::vector<std::string> types;
  std::string known;
  for (const chain::FilterType& type : registry.types()) {
    types.emplace_back(type.config_type);
    known += (known.empty() ? "" : ", ") + types.back();
  }
  return "no filter is of type '" + url + "' (known: " + known + ")" +
         didYouMean(url.substr(url.rfind('/') + 1), types);
}

class ListenerBuilder {
 public:
  ListenerBuilder(const BuildInput& input, const Clusters& clusters, const Settings& settings,
                  size_t max_sessions, Checks& checks)
      : input_(input),
        max_sessions_(max_sessions),
        checks_(checks),
        context_{.clusters = clusters,
                 .machine = input.machine,
                 .directory = input.rooms,
                 .process = input.process,
                 .dtls = input.dtls,
                 .credentials = settings.credentials,
                 .nat = settings.nat.addresses,
                 .listener = {},
                 .base_path = input.directory,
                 .positions = input.positions,
                 .may_run_code = input.may_run_code} {}

  runtime::ListenerSpecPtr build(const sluice::Listener& config, const std::string& path);
  // Returns the warnings of the filters that were built.
  std::vector<std::string> takeWarnings() { return std::move(context_.warnings); }

 private:
  void addresses(const sluice::Listener& config, const std::string& path, runtime::ListenerSpec& out);
  void chain(const sluice::FilterChain& config, const std::string& path, runtime::ListenerSpec& out);
  void versions(const sluice::FilterChain& config, const std::string& path, const chain::ChainSpec& common,
                runtime::ListenerSpec& out);
  template <typename Filters>
  void filters(const Filters& config, const std::string& path, chain::ChainSpec& out);
  void match(const sluice::FilterChainMatch& config, const std::string& path, chain::ChainSpec& out);
  void filter(const sluice::Filter& config, const std::string& path, chain::ChainSpec& out);
  void checkOrder(const chain::ChainSpec& chain, const std::string& path);
  const chain::FilterSpec* previous(const chain::ChainSpec& chain, const chain::FilterSpec& filter) const;

  const BuildInput& input_;
  const size_t max_sessions_;  // for a listener that does not set it
  Checks& checks_;
  chain::FactoryContext context_;
  std::set<std::string> names_;
  std::map<net::Address, std::string> bound_;  // to the path of the field that binds it
  std::string listener_;                       // the one being built
};

runtime::ListenerSpecPtr ListenerBuilder::build(const sluice::Listener& config, const std::string& path) {
  auto listener = std::make_shared<runtime::ListenerSpec>();
  checks_.name(config.name(), path + ".name", names_);
  listener_ = listener->name = config.name();
  addresses(config, path, *listener);
  context_.listener = listener->addresses;
  listener->idle_timeout = std::chrono::seconds{config.idle_timeout_s()};
  listener->max_sessions = config.has_max_sessions() ? config.max_sessions() : max_sessions_;
  listener->socket.reuse_port = true;
  listener->socket.receive_buffer = static_cast<int>(config.receive_buffer_bytes());
  listener->socket.send_buffer = static_cast<int>(config.send_buffer_bytes());
  listener->stats = input_.stats.listener(listener->name);

  if (config.filter_chains().empty()) checks_.fail(path + ".filter_chains", "at least one is required");
  std::set<std::string> chain_names;
  const chain::ChainSpec* catch_all = nullptr;
  for (int i = 0; i < config.filter_chains_size(); ++i) {
    const std::string chain_path = indexed(path + ".filter_chains", i);
    checks_.name(config.filter_chains(i).name(), chain_path + ".name", chain_names);
    chain(config.filter_chains(i), chain_path, *listener);
    if (catch_all != nullptr) {
      checks_.fail(chain_path,
                   "cannot be reached: the earlier chain '" + catch_all->name + "' matches every client");
    } else if (listener->chains.back()->source_prefixes.empty() &&
               listener->chains.back()->local_ports.empty()) {
      catch_all = listener->chains.back().get();
    }
  }
  return listener;
}

void ListenerBuilder::addresses(const sluice::Listener& config, const std::string& path,
                                runtime::ListenerSpec& out) {
  const auto add = [&](const std::string& text, const std::string& field) {
    const net::Address address = checks_.address(text, field);
    if (!address.isSet()) return;
    out.addresses.push_back(address);
    if (address.port() == 0) return;
    const auto [it, fresh] = bound_.try_emplace(address, field);
    if (!fresh) checks_.fail(field, address.toString() + " is in use by " + it->second);
  };
  add(config.address(), path + ".address");
  for (int i = 0; i < config.additional_addresses_size(); ++i) {
    add(config.additional_addresses(i), indexed(path + ".additional_addresses", i));
  }
}

void ListenerBuilder::chain(const sluice::FilterChain& config, const std::string& path,
                            runtime::ListenerSpec& out) {
  chain::ChainSpec chain;
  chain.name = config.name();
  match(config.match(), path + ".match", chain);
  if (config.versions().empty()) {
    filters(config.filters(), path, chain);
    out.chains.push_back(std::make_shared<chain::ChainSpec>(std::move(chain)));
    return;
  }
  if (!config.filters().empty()) checks_.fail(path + ".filters", "must not be set together with versions");
  versions(config, path, chain, out);
}

void ListenerBuilder::versions(const sluice::FilterChain& config, const std::string& path,
                               const chain::ChainSpec& common, runtime::ListenerSpec& out) {
  const std::vector<uint32_t> ends = endsOfShares(weightsOf(config, listener_, input_.rolled_back));
  if (ends.back() == 0) {
    const bool back = endsOfShares(weightsOf(config, listener_, {})).back() != 0;
    checks_.fail(path + ".versions",
                 back ? "the only version with a weight was rolled back: change its filters first"
                      : "at least one needs a weight");
  }
  std::set<std::string> names;
  uint32_t first = 0;
  for (int i = 0; i < config.versions_size(); ++i) {
    const sluice::ChainVersion& version = config.versions(i);
    const std::string version_path = indexed(path + ".versions", i);
    checks_.name(version.name(), version_path + ".name", names);
    auto chain = std::make_shared<chain::ChainSpec>(common);
    chain->version = version.name();
    chain->first_bucket = first;
    chain->end_bucket = first = ends[static_cast<size_t>(i)];
    filters(version.filters(), version_path, *chain);
    if (i > 0 && chain->authenticates != out.chains.back()->authenticates) {
      checks_.fail(version_path + ".filters",
                   "all versions must have " + input_.registry.names(authenticates) + ", or none");
    }
    out.chains.push_back(std::move(chain));
  }
}

template <typename Filters>
void ListenerBuilder::filters(const Filters& config, const std::string& path, chain::ChainSpec& out) {
  out.stats = input_.stats.chain(listener_, out.name, out.version);
  if (config.empty()) checks_.fail(path + ".filters", "at least one is required");
  for (int i = 0; i < config.size(); ++i) filter(config[i], indexed(path + ".filters", i), out);
  // If an invalid filter was left out, the order of its neighbours is not meaningful.
  if (out.filters.size() == static_cast<size_t>(config.size())) checkOrder(out, path);
  out.routes_voice =
      std::ranges::any_of(out.filters, [](const chain::FilterSpec& f) { return f.type->routes_voice; });
  out.authenticates = std::any_of(out.filters.begin(), out.filters.end(),
                                  [](const chain::FilterSpec& f) { return authenticates(*f.type); });
}

void ListenerBuilder::match(const sluice::FilterChainMatch& config, const std::string& path,
                            chain::ChainSpec& out) {
  out.source_prefixes = checks_.prefixes(config.source_prefixes(), path + ".source_prefixes");
  for (const uint32_t port : config.local_ports()) out.local_ports.push_back(static_cast<uint16_t>(port));
}

void ListenerBuilder::filter(const sluice::Filter& config, const std::string& path, chain::ChainSpec& out) {
  const std::string config_path = path + ".typed_config";
  if (!config.has_typed_config()) return checks_.fail(config_path, "is required");
  const std::string& url = config.typed_config().type_url();
  chain::FilterSpec spec;
  spec.type = input_.registry.find(url);
  if (spec.type == nullptr) return checks_.fail(config_path, noSuchType(url, input_.registry));
  spec.name = config.name().empty() ? std::string(spec.type->name) : config.name();
  spec.config = config.typed_config().value();
  const auto same = [&](const chain::FilterSpec& f) { return f.name == spec.name; };
  if (std::any_of(out.filters.begin(), out.filters.end(), same)) {
    checks_.fail(path + ".name", "'" + spec.name + "' is used twice in the chain");
  }
  auto factory = spec.type->parse(config.typed_config(), context_);
  if (!factory.ok()) return checks_.addAll(config_path, factory.errors());
  spec.factory = *std::move(factory);
  const chain::FilterSpec* before = previous(out, spec);
  if (before != nullptr && before->config == spec.config && spec.factory->sameAs(*before->factory)) {
    spec.factory = before->factory;
  }
  spec.stats =
      input_.stats.filter(listener_, out.name, out.version, spec.name, *spec.type, spec.factory->schema());
  out.filters.push_back(std::move(spec));
}

const chain::FilterSpec* ListenerBuilder::previous(const chain::ChainSpec& chain,
                                                   const chain::FilterSpec& filter) const {
  if (input_.previous == nullptr) return nullptr;
  const runtime::ListenerSpec* listener = input_.previous->find(listener_);
  if (listener == nullptr) return nullptr;
  const chain::FilterSpec* found = nullptr;
  for (const auto& old : listener->chains) {
    if (old->name != chain.name) continue;
    for (const chain::FilterSpec& candidate : old->filters) {
      if (candidate.name != filter.name || candidate.type != filter.type) continue;
      if (old->version == chain.version) return &candidate;
      if (found == nullptr) found = &candidate;  // of a version that this one may replace
    }
  }
  return found;
}

void ListenerBuilder::checkOrder(const chain::ChainSpec& chain, const std::string& path) {
  chain::Properties given = chain::kNothing;
  for (size_t i = 0; i < chain.filters.size(); ++i) {
    const chain::FilterType& type = *chain.filters[i].type;
    const std::string filter_path = indexed(path + ".filters", static_cast<int>(i));
    const chain::Properties missing = type.needs & ~given;
    if (missing != chain::kNothing) {
      checks_.fail(filter_path, std::string(type.name) + " needs a filter before it that gives " +
                                    propertyNames(missing, input_.registry));
    }
    given |= type.gives;
    const bool last = i + 1 == chain.filters.size();
    if (type.terminal && !last) {
      checks_.fail(filter_path,
                   std::string(type.name) + " takes datagrams out of the chain and must be the last");
    }
    if (last && !type.terminal && !type.may_be_last) {
      checks_.fail(filter_path,
                   "the last filter must take datagrams out of the chain (" +
                       input_.registry.names([](const chain::FilterType& t) { return t.terminal; }) + "); " +
                       std::string(type.name) + " does not");
    }
  }
}

// The features that every chain that routes voice can handle.
rooms::RepairFeatures commonRepair(const std::vector<runtime::ListenerSpecPtr>& listeners) {
  std::optional<rooms::RepairFeatures> common;
  for (const auto& listener : listeners) {
    for (const auto& chain : listener->chains) {
      if (chain->first_bucket == chain->end_bucket) continue;  // it serves no one
      if (!chain->routes_voice) continue;
      rooms::RepairFeatures features;
      for (const chain::FilterSpec& filter : chain->filters) {
        if (filter.type->repair_features) features = features | filter.type->repair_features(*filter.factory);
      }
      common = common ? *common & features : features;
    }
  }
  return common.value_or(rooms::RepairFeatures{});
}

}  // namespace

void buildListeners(const Bootstrap& bootstrap, const BuildInput& input, const Clusters& clusters,
                    const Settings& settings, runtime::Generation& out, std::vector<std::string>& warnings,
                    Checks& checks) {
  if (bootstrap.listeners().empty()) checks.fail("listeners", "at least one is required");
  // With several listeners, none of them may take every session of the process.
  const size_t all = out.limits.sessions;
  const size_t share = bootstrap.listeners_size() > 1 ? std::max<size_t>(1, all / 4 * 3) : all;
  ListenerBuilder builder(input, clusters, settings, share, checks);
  for (int i = 0; i < bootstrap.listeners_size(); ++i) {
    out.listeners.push_back(builder.build(bootstrap.listeners(i), indexed("listeners", i)));
  }
  out.repair = commonRepair(out.listeners);
  warnings = builder.takeWarnings();
}

}  // namespace sluice::config
