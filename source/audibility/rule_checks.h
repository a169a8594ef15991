// Finds rules that contradict themselves, that can never decide, or that have no effect.
#pragma once

#include <span>
#include <string>

#include "source/audibility/rule_set.h"
#include "source/base/result.h"

namespace sluice::audibility {

// "rules[2]".
inline std::string rulePath(size_t index) {
  return "rules[" + std::to_string(index) + "]";
}

void checkRules(std::span<const CompiledRule> rules, Errors& errors, Errors& warnings);

}  // namespace sluice::audibility
