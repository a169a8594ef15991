// What a reload would do, before it is done. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "source/runtime/generation.h"

namespace sluice::server {

// A session that lives now.
struct LiveSession {
  std::string listener;
  std::string chain;
  std::string version{};
  uint32_t bucket = 0;
  std::vector<net::Address> bound;  // addresses of the listener that its client talks to, as bound
};

// Of each listener, chain and filter: what becomes of it, how many sessions it has and how many of them end,
// or go over to another version of their chain. `lost` are addresses that would not be bound any more.
nlohmann::json planReload(const runtime::Generation& before, const runtime::Generation& after,
                          const std::vector<LiveSession>& live, const std::vector<net::Address>& lost);

// For people: a line for each thing that changes.
std::string describePlan(const nlohmann::json& plan);

}  // namespace sluice::server
