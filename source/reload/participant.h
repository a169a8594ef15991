// A part of the process that is configured together with the listeners.
#pragma once

#include "api/config.pb.h"
#include "source/config/build.h"

namespace sluice::reload {

// The configuration in force.
struct Running {
  Bootstrap bootstrap;
  config::Settings settings;
  runtime::GenerationPtr generation;
  uint64_t version = 0;
};

// Two-phase commit: a configuration takes effect only if every participant can prepare for it.
class Participant {
 public:
  virtual ~Participant() = default;
  // Acquires what `next` needs. What runs is not affected.
  virtual Status prepare(const config::Settings& /*next*/) { return Done{}; }
  // Releases what prepare() acquired: `next` does not take effect. Also called after an error of its own
  // prepare().
  virtual void abandon() {}
  // `running` is in force. It stays valid, and changes in place, until the next call.
  virtual void commit(const Running& running) = 0;
};

}  // namespace sluice::reload
