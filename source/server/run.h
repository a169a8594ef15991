// The whole program, for a main() with its own list of filters.
#pragma once

#include "source/chain/filter_type.h"

namespace sluice::server {

// Returns the process' exit code: 0, 1 for a wrong configuration, 2 for a wrong flag.
int run(int argc, char** argv, const chain::Registry& registry);

}  // namespace sluice::server
