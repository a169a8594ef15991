// A session as GET /sessions shows it.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "source/admin/api.h"
#include "source/runtime/session.h"

namespace sluice::server {

// Call it on the session's worker.
nlohmann::json describe(const runtime::Session& session, unsigned worker, Instant now);
bool matches(const runtime::Session& session, const admin::Backend::SessionQuery& query);

// A filter's field that ends with ".speaker" is the number of a player: adds the player's name next to it.
// `names`: by number.
void nameSpeakers(nlohmann::json& session, const std::map<std::string, std::string>& names);

}  // namespace sluice::server
