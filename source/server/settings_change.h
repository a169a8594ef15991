// What changes between two configurations besides chains and filters: fields, when they take effect, no
// secrets.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "api/config.pb.h"

namespace sluice::server {

// A list of {"field", "change": "added", "removed" or "changed", "takes_effect": "at once" or "for new
// connections"}, and of plain values that are no secrets "from" and "to". Filter chains, clusters and
// addresses of listeners are left out: the plan of a reload tells of them. Listeners, users and mappings are
// matched by name.
nlohmann::json compareSettings(const sluice::Bootstrap& before, const sluice::Bootstrap& after);

}  // namespace sluice::server
