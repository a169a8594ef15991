// Predicts what a reload would do. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "source/runtime/generation.h"

namespace sluice::reload {

// A session that exists now.
struct LiveSession {
  std::string listener;
  std::string chain;
  std::string version{};
  uint32_t bucket = 0;
  std::vector<net::Address> bound;  // the listener addresses that its client uses, as bound
};

// The effect on each listener, chain and filter, how many sessions it has, and how many of them end
// or move to another version of their chain. `lost` are addresses that would no longer be bound.
nlohmann::json planReload(const runtime::Generation& before, const runtime::Generation& after,
                          const std::vector<LiveSession>& live, const std::vector<net::Address>& lost);

// Human-readable: one line for each change.
std::string describePlan(const nlohmann::json& plan);

}  // namespace sluice::reload
