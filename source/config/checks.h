// Small checks that collect errors with field paths.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "source/base/result.h"
#include "source/net/address.h"
#include "source/net/prefixes.h"

namespace sluice::config {

inline std::string indexed(const std::string& path, int i) {
  return path + "[" + std::to_string(i) + "]";
}

class Checks {
 public:
  explicit Checks(Errors& errors) : errors_(errors) {}

  void fail(std::string path, std::string message) {
    errors_.push_back({std::move(path), std::move(message)});
  }
  void addAll(const std::string& prefix, const Errors& errors) {
    for (const Error& e : errors) {
      fail(prefix.empty() ? e.path : e.path.empty() ? prefix : prefix + "." + e.path, e.message);
    }
  }

  net::Address address(const std::string& text, const std::string& path) {
    if (text.empty()) {
      fail(path, "is required");
      return {};
    }
    auto address = net::Address::parse(text);
    if (address.ok()) return *address;
    fail(path, address.error().message);
    return {};
  }

  template <typename Texts>
  std::vector<net::Prefix> prefixes(const Texts& texts, const std::string& path) {
    return net::readPrefixes(texts, path, errors_);
  }

  // Checks a required name that must not be in `seen` yet.
  void name(const std::string& name, const std::string& path, std::set<std::string>& seen) {
    if (name.empty()) {
      fail(path, "is required");
    } else if (!seen.insert(name).second) {
      fail(path, "'" + name + "' is used twice");
    }
  }

 private:
  Errors& errors_;
};

}  // namespace sluice::config
