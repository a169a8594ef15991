#include "source/reload/rollout_controller.h"

#include <algorithm>
#include <utility>

#include "source/base/log.h"

namespace sluice::reload {
namespace {

bool serves(const chain::ChainSpec& version) {
  return version.end_bucket > version.first_bucket;
}

}  // namespace

void RolloutController::commit(const Running& running) {
  std::vector<RolloutWatch> fresh;
  for (const config::StepBackRule& rule : running.settings.step_back) {
    const auto known = std::ranges::find_if(watches_, [&](const RolloutWatch& watch) {
      return watch.rule().listener == rule.listener && watch.rule().chain == rule.chain;
    });
    fresh.push_back(known != watches_.end() ? std::move(*known) : RolloutWatch(rule));
    fresh.back().configure(rule);
  }
  watches_ = std::move(fresh);
}

void RolloutController::check() {
  std::vector<Verdict> worse;  // first all of them: a rollback replaces the watches
  for (RolloutWatch& watch : watches_) {
    if (Verdict verdict = compare(watch); !verdict.why.empty()) worse.push_back(std::move(verdict));
  }
  for (const Verdict& verdict : worse) rollBack(verdict);
}

RolloutController::Verdict RolloutController::compare(RolloutWatch& watch) const {
  const runtime::ListenerSpec* listener = applier_.running().generation->find(watch.rule().listener);
  std::vector<const chain::ChainSpec*> versions;
  for (const auto& chain : listener->chains) {
    if (chain->name == watch.rule().chain) versions.push_back(chain.get());
  }
  const chain::ChainSpec& newest = *versions.back();
  versions.pop_back();
  ChainHealth others;
  bool others_serve = false;
  size_t fingerprint = mixCounters(0, newest);
  for (const chain::ChainSpec* version : versions) {
    others += healthOf(*version);
    fingerprint = mixCounters(fingerprint, *version);
    others_serve = others_serve || serves(*version);
  }
  std::string why = watch.compare(healthOf(newest), others, fingerprint, clock_.now());
  if (!serves(newest) || !others_serve) return {};
  return {{listener->name, newest.name, newest.version}, std::move(why)};
}

void RolloutController::rollBack(const Verdict& verdict) {
  const auto& [listener, chain, version] = verdict.version;
  log::warn("listener {}, chain {}: version {} is rolled back: {}", listener, chain, version, verdict.why);
  Environment environment = applier_.environment();
  environment.rolled_back[verdict.version] =
      config::contentOf(*config::findVersion(applier_.running().bootstrap, verdict.version));
  // On an error the next check tries again.
  if (const Status status = applier_.changeEnvironment(std::move(environment)); !status.ok()) {
    return log::error("the rollback failed, the version stays in use:\n{}", toString(status.errors()));
  }
  ++rollbacks_[verdict.version];
}

void RolloutController::collect(stats::Samples& out) const {
  for (const auto& listener : applier_.running().generation->listeners) {
    for (const auto& chain : listener->chains) {
      if (chain->version.empty()) continue;
      const stats::Labels labels{
          {"listener", listener->name}, {"chain", chain->name}, {"version", chain->version}};
      out.gauge("sluice_rollout_share", "The version's share of sessions, 0 to 1.", labels,
                static_cast<double>(chain->end_bucket - chain->first_bucket) / chain::ChainSpec::kBuckets);
    }
  }
  for (const auto& [name, count] : rollbacks_) {
    const auto& [listener, chain, version] = name;
    out.counter("sluice_rollout_step_backs_total",
                "Automatic rollbacks of the version, which set its weight to 0.",
                {{"listener", listener}, {"chain", chain}, {"version", version}}, count);
  }
}

}  // namespace sluice::reload
