#include "source/reload/config_applier.h"

#include <filesystem>
#include <utility>

#include "source/base/log.h"
#include "source/config/load.h"

namespace sluice::reload {
namespace {

constexpr Duration kSweepAfterDrain = 5s;  // sessions end a few at a time, before their port

}  // namespace

std::string ConfigApplier::directory() const {
  return std::filesystem::absolute(context_.file).parent_path().string();
}

config::BuildInput ConfigApplier::inputFor(const Bootstrap& bootstrap, const Environment& environment,
                                           const std::string& directory, runtime::StatsStore& stats,
                                           chain::ProcessState& process) const {
  return {.bootstrap = bootstrap,
          .directory = directory,
          .registry = context_.registry,
          .rooms = context_.rooms,
          .process = process,
          .dtls = context_.dtls,
          .concurrency = context_.concurrency,
          .stats = stats,
          .machine = environment.machine,
          .discovered = environment.discovered,
          .previous = running_.generation.get(),
          .version = running_.version + 1,
          .now = context_.clock.now(),
          .rolled_back = environment.rolled_back,
          .positions = context_.positions};
}

Result<config::Built> ConfigApplier::build(const Bootstrap& bootstrap) {
  return config::build(inputFor(bootstrap, environment_, directory(), context_.stats, context_.process));
}

Result<config::Built> ConfigApplier::preview(const Bootstrap& bootstrap, const std::string& directory,
                                             bool may_run_code) const {
  runtime::StatsStore unused(static_cast<unsigned>(context_.workers.workers.size()));
  chain::ProcessState process = context_.process;  // state that filters add goes to this copy
  config::BuildInput input = inputFor(bootstrap, environment_, directory, unused, process);
  input.may_run_code = may_run_code;
  return config::build(input);
}

Status ConfigApplier::start(const Bootstrap& bootstrap, config::Built built, const FirstTask& first_task) {
  return apply(bootstrap, std::move(built), environment_, first_task);
}

Status ConfigApplier::reload(const char* why) {
  const auto attempt = [this]() -> Status {
    auto bootstrap = config::loadFile(context_.file);
    if (!bootstrap.ok()) return bootstrap.errors();
    return rebuild(*bootstrap, environment_);
  };
  const Status status = frozen_ ? Error{"", *frozen_} : attempt();
  if (status.ok()) {
    ++accepted_;
    log::info("reloaded ({}): generation {}", why, running_.version);
  } else {
    ++refused_;
    log::error("reload refused ({}); the old configuration stays in use\n{}", why, toString(status.errors()));
  }
  remember(why, status);
  return status;
}

void ConfigApplier::remember(const char* why, const Status& status) {
  Outcome outcome{.at = context_.clock.now(), .why = why, .errors = {}};
  if (!status.ok()) outcome.errors = status.errors();
  if (outcome.errors.size() > kOutcomeErrors) outcome.errors.resize(kOutcomeErrors);
  if (outcomes_.size() == kOutcomes) outcomes_.pop_front();
  outcomes_.push_back(std::move(outcome));
}

Status ConfigApplier::changeEnvironment(Environment fresh) {
  return rebuild(Bootstrap(running_.bootstrap), std::move(fresh));
}

Status ConfigApplier::rebuild(const Bootstrap& bootstrap, Environment environment) {
  if (frozen_) return Error{"", *frozen_};
  auto built = config::build(inputFor(bootstrap, environment, directory(), context_.stats, context_.process));
  if (!built.ok()) return built.errors();
  if (Status status = checkFixed(built->settings); !status.ok()) return status;
  return apply(bootstrap, *std::move(built), std::move(environment), {});
}

Status ConfigApplier::apply(const Bootstrap& bootstrap, config::Built built, Environment environment,
                            const FirstTask& first_task) {
  auto ports = context_.ports.prepare(*built.generation);
  Errors errors = ports.ok() ? Errors{} : ports.errors();
  for (Participant* participant : participants_) {
    const Status status = participant->prepare(built.settings);
    if (!status.ok()) errors.insert(errors.end(), status.errors().begin(), status.errors().end());
  }
  if (!errors.empty()) {
    if (ports.ok()) context_.ports.abandon(*std::move(ports));
    for (Participant* participant : participants_) participant->abandon();
    return errors;
  }
  // The following steps cannot fail.
  for (const std::string& warning : built.warnings) log::warn("{}", warning);
  environment_ = std::move(environment);
  environment_.rolled_back = config::stillRolledBack(environment_.rolled_back, bootstrap);
  running_ = {bootstrap, std::move(built.settings), std::move(built.generation), running_.version + 1};
  publish(*std::move(ports), first_task);
  context_.rooms.setLimits(running_.settings.rooms);
  for (Participant* participant : participants_) participant->commit(running_);
  return Done{};
}

void ConfigApplier::publish(PortManager::Change change, const FirstTask& first_task) {
  const runtime::GenerationPtr& generation = running_.generation;
  const Duration sweep = generation->drain > Duration::zero() ? kSweepAfterDrain : Duration::zero();
  context_.ports.commit(change, context_.clock.now() + generation->drain + sweep);
  for (auto& worker : context_.workers.workers) {
    std::function<void()> then;
    if (first_task) then = first_task(*worker);
    worker->publish(generation, change.takeFor(worker->index()), std::move(then));
  }
  closeDrainedPorts();
}

void ConfigApplier::closeDrainedPorts() {
  const auto sessions = [this](const std::string& listener) {
    int64_t total = 0;
    for (const auto* stats : context_.stats.listener(listener)) total += stats->sessions.value();
    return total;
  };
  for (const uint16_t id : context_.ports.takeExpired(context_.clock.now(), sessions)) {
    for (auto& worker : context_.workers.workers) worker->removePort(id);
  }
}

Status ConfigApplier::checkFixed(const config::Settings& fresh) const {
  Errors errors;
  const auto fixed = [&](bool same, const char* path) {
    if (!same) errors.push_back({path, "is read at start only; restart to change it"});
  };
  fixed(fresh.workers == running_.settings.workers, "workers");
  fixed(fresh.takeover_socket == running_.settings.takeover_socket, "takeover_socket");
  if (!errors.empty()) return errors;
  return Done{};
}

}  // namespace sluice::reload
