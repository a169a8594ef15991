// A run of many players on one loop: all players join, then all count, then all leave.
#pragma once

#include <memory>
#include <vector>

#include "source/load/options.h"
#include "source/load/player.h"

namespace sluice::load {

class Run {
 public:
  static Result<std::unique_ptr<Run>> make(const Options& options);
  ~Run();

  // Blocks until the run is over or a signal ends it. Returns the process' exit code.
  int execute();

 private:
  struct World;  // loop, packets, players
  explicit Run(std::unique_ptr<World> world);
  std::unique_ptr<World> world_;
};

}  // namespace sluice::load
