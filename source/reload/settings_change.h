// Compares two configurations except for chains and filters: which fields change and when that takes effect,
// without secrets.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "api/config.pb.h"

namespace sluice::reload {

// A list of {"field", "change": "added", "removed" or "changed", "takes_effect": "at once" or "for new
// connections"}; plain values that are not secret also have "from" and "to". Filter chains, clusters and
// addresses of listeners are left out: the reload plan covers them. Listeners, users and mappings are matched
// by name.
nlohmann::json compareSettings(const sluice::Bootstrap& before, const sluice::Bootstrap& after);

}  // namespace sluice::reload
