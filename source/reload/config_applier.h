// Builds configurations, and applies each one whole or not at all. Main thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "source/base/clock.h"
#include "source/config/build.h"
#include "source/reload/participant.h"
#include "source/reload/port_manager.h"
#include "source/runtime/worker.h"

namespace sluice::reload {

// The inputs of a configuration other than its file.
struct Environment {
  std::set<net::Address> machine;                   // this machine's IP addresses, port 0
  std::map<net::Address, net::Address> discovered;  // by nat.stun_server: local to external, port 0
  config::RolledBack rolled_back;
};

class ConfigApplier {
 public:
  // The references outlive the applier.
  struct Context {
    std::string file;                     // the configuration's
    std::optional<unsigned> concurrency;  // overrides workers.count
    const Clock& clock;
    const chain::Registry& registry;
    std::shared_ptr<const crypto::DtlsContext> dtls;
    rooms::Directory& rooms;
    chain::ProcessState& process;
    chain::PositionSink* positions = nullptr;  // may be null
    runtime::StatsStore& stats;
    runtime::WorkerGroup& workers;
    PortManager& ports;
  };

  ConfigApplier(Context context, Environment environment)
      : context_(std::move(context)), environment_(std::move(environment)) {}

  // They are prepared and committed in the order of the calls, and outlive the applier.
  void addParticipant(Participant& participant) { participants_.push_back(&participant); }

  // Builds the first configuration.
  Result<config::Built> build(const Bootstrap& bootstrap);
  // Builds a configuration that is not going to run, without side effects. `directory`: base of its relative
  // paths. `may_run_code`: see chain::FactoryContext.
  Result<config::Built> preview(const Bootstrap& bootstrap, const std::string& directory,
                                bool may_run_code) const;

  // Work for a worker after it has taken its ports and before it reads a packet; may be empty.
  using FirstTask = std::function<std::function<void()>(runtime::WorkerThread&)>;
  // Applies the first configuration. The workers have been started.
  Status start(const Bootstrap& bootstrap, config::Built built, const FirstTask& first_task);
  // Applies the file as it is now. `why` is logged.
  Status reload(const char* why);
  // Applies the running configuration again in another environment. On an error the old one stays.
  Status changeEnvironment(Environment fresh);
  // Applies nothing until unfreeze(); `why` is the error meanwhile.
  void freeze(std::string why) { frozen_ = std::move(why); }
  void unfreeze() { frozen_.reset(); }

  // Checks that settings which only a restart can change are those of the running configuration.
  Status checkFixed(const config::Settings& fresh) const;
  // Closes ports whose sessions have ended or whose drain time has expired. Call it about once a second.
  void closeDrainedPorts();

  const Running& running() const { return running_; }
  const Environment& environment() const { return environment_; }
  const std::string& file() const { return context_.file; }
  std::string directory() const;
  // The last kOutcomes reloads, newest last. `errors` has the first kOutcomeErrors; empty: it was applied.
  struct Outcome {
    Instant at;
    std::string why;
    Errors errors;
  };
  static constexpr size_t kOutcomes = 10;
  static constexpr size_t kOutcomeErrors = 5;
  const std::deque<Outcome>& outcomes() const { return outcomes_; }
  uint64_t accepted() const { return accepted_; }  // reloads
  uint64_t refused() const { return refused_; }

 private:
  config::BuildInput inputFor(const Bootstrap& bootstrap, const Environment& environment,
                              const std::string& directory, runtime::StatsStore& stats,
                              chain::ProcessState& process) const;
  Status rebuild(const Bootstrap& bootstrap, Environment environment);
  Status apply(const Bootstrap& bootstrap, config::Built built, Environment environment,
               const FirstTask& first_task);
  void publish(PortManager::Change change, const FirstTask& first_task);
  void remember(const char* why, const Status& status);

  const Context context_;
  Environment environment_;
  std::vector<Participant*> participants_;
  Running running_;
  std::optional<std::string> frozen_;
  std::deque<Outcome> outcomes_;
  uint64_t accepted_ = 0;
  uint64_t refused_ = 0;
};

}  // namespace sluice::reload
