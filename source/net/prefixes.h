#pragma once

#include <string>
#include <vector>

#include "source/base/result.h"
#include "source/net/address.h"

namespace sluice::net {

// Reads a list of prefixes, such as a repeated field. An invalid one is left out and reported with its path,
// "`path`[2]".
template <typename Texts>
std::vector<Prefix> readPrefixes(const Texts& texts, const std::string& path, Errors& errors) {
  std::vector<Prefix> prefixes;
  size_t i = 0;
  for (const std::string& text : texts) {
    const auto prefix = Prefix::parse(text);
    if (prefix.ok()) {
      prefixes.push_back(*prefix);
    } else {
      errors.push_back({path + "[" + std::to_string(i) + "]", prefix.error().message});
    }
    ++i;
  }
  return prefixes;
}

}  // namespace sluice::net
