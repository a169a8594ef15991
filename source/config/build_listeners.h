// Listeners, their chains and filters: the part of build() that talks to filter types.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "source/config/build.h"
#include "source/config/checks.h"

namespace sluice::config {

using Clusters = std::map<std::string, std::shared_ptr<const chain::Cluster>>;

// After the limits, whose sessions the listeners share.
void buildListeners(const BuildInput& input, const Clusters& clusters, const Settings& settings,
                    runtime::Generation& out, Checks& checks);

}  // namespace sluice::config
