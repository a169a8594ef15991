// Builds listeners with their chains and filters: the part of build() that uses the filter types.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "source/config/build.h"
#include "source/config/checks.h"

namespace sluice::config {

using Clusters = std::map<std::string, std::shared_ptr<const chain::Cluster>>;

// `bootstrap` is that of `input`, with defaults in absent fields. Call it after the session limits are
// set in `out`, because the listeners share them. `warnings` gets those of filters that were built.
void buildListeners(const Bootstrap& bootstrap, const BuildInput& input, const Clusters& clusters,
                    const Settings& settings, runtime::Generation& out, std::vector<std::string>& warnings,
                    Checks& checks);

}  // namespace sluice::config
