// Rollout of chain versions: watches the newest versions and rolls back those that perform worse.
#include <algorithm>

#include "source/base/log.h"
#include "source/server/server.h"

namespace sluice::server {

// Watches whose rule is unchanged are kept.
void Server::configureRollouts() {
  std::vector<RolloutWatch> fresh;
  for (const config::StepBackRule& rule : settings_.step_back) {
    const auto known = std::ranges::find_if(rollouts_, [&](const RolloutWatch& watch) {
      return watch.rule().listener == rule.listener && watch.rule().chain == rule.chain;
    });
    fresh.push_back(known != rollouts_.end() ? std::move(*known) : RolloutWatch(rule));
    fresh.back().configure(rule);
  }
  rollouts_ = std::move(fresh);
}

void Server::checkRollouts() {
  std::vector<std::pair<config::VersionName, std::string>> worse;
  for (RolloutWatch& watch : rollouts_) {
    const runtime::ListenerSpec* listener = generation_->find(watch.rule().listener);
    std::vector<const chain::ChainSpec*> versions;
    for (const auto& chain : listener->chains) {
      if (chain->name == watch.rule().chain) versions.push_back(chain.get());
    }
    const chain::ChainSpec& newest = *versions.back();
    versions.pop_back();
    ChainHealth others;
    bool others_serve = false;
    size_t subject = mixSubject(0, newest);
    for (const chain::ChainSpec* version : versions) {
      others += healthOf(*version);
      subject = mixSubject(subject, *version);
      others_serve = others_serve || version->end_bucket > version->first_bucket;
    }
    const std::string why = watch.compare(healthOf(newest), others, subject, clock_.now());
    const bool serves = newest.end_bucket > newest.first_bucket;
    if (why.empty() || !serves || !others_serve) continue;
    worse.push_back({{listener->name, newest.name, newest.version}, why});
  }
  for (const auto& [name, why] : worse) stepBack(name, why);
}

void Server::stepBack(const config::VersionName& name, const std::string& why) {
  const auto& [listener, chain, version] = name;
  for (const sluice::Listener& l : bootstrap_.listeners()) {
    for (const sluice::FilterChain& c : l.filter_chains()) {
      for (const sluice::ChainVersion& v : c.versions()) {
        if (l.name() == listener && c.name() == chain && v.name() == version) {
          stepped_back_[name] = config::contentOf(v);
        }
      }
    }
  }
  log::warn("listener {}, chain {}: version {} is rolled back: {}", listener, chain, version, why);
  if (const Status status = rebuild(Bootstrap(bootstrap_)); !status.ok()) {
    stepped_back_.erase(name);  // the next check tries again
    log::error("the rollback failed, the version stays in use:\n{}", toString(status.errors()));
    return;
  }
  ++step_backs_[name];
}

void Server::collectRollouts(stats::Samples& out) const {
  for (const auto& listener : generation_->listeners) {
    for (const auto& chain : listener->chains) {
      if (chain->version.empty()) continue;
      const stats::Labels labels{
          {"listener", listener->name}, {"chain", chain->name}, {"version", chain->version}};
      out.gauge("sluice_rollout_share", "The version's share of sessions, 0 to 1.", labels,
                static_cast<double>(chain->end_bucket - chain->first_bucket) / chain::ChainSpec::kBuckets);
    }
  }
  for (const auto& [name, count] : step_backs_) {
    const auto& [listener, chain, version] = name;
    out.counter("sluice_rollout_step_backs_total",
                "Automatic rollbacks of the version, which set its weight to 0.",
                {{"listener", listener}, {"chain", chain}, {"version", version}}, count);
  }
}

}  // namespace sluice::server
