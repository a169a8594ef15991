// Builds listeners with their chains and filters: the part of build() that uses the filter types.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "source/config/build.h"
#include "source/config/checks.h"

namespace sluice::config {

using Clusters = std::map<std::string, std::shared_ptr<const chain::Cluster>>;

// `bootstrap` is that of `input`, with the defaults of absent fields. Call it after the session limits are
// set in `out`, because the listeners share them.
void buildListeners(const Bootstrap& bootstrap, const BuildInput& input, const Clusters& clusters,
                    const Settings& settings, runtime::Generation& out, Checks& checks);

}  // namespace sluice::config
