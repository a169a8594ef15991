// Fakes of the interfaces through which the admin endpoint reaches the process.
#pragma once

#include <nlohmann/json.hpp>

#include "source/admin/api.h"

namespace sluice::server {

struct FakeBackend final : admin::Backend {
  bool draining() const override { return false; }
  nlohmann::json serverInfo() const override { return {{"state", "serving"}}; }
  nlohmann::json configDump() const override { return nlohmann::json::object(); }
  nlohmann::json listeners() const override { return nlohmann::json::array(); }
  nlohmann::json reloads() const override { return nlohmann::json::object(); }
  nlohmann::json sessions(const SessionQuery&) const override { return nlohmann::json::object(); }
  void collect(stats::Samples&) const override {}
  Result<nlohmann::json> plan(const Question&) const override { return nlohmann::json::object(); }
};

struct FakeOperations final : admin::Operations {
  Status reload() override { return Done{}; }
  void drain(bool) override {}
};

}  // namespace sluice::server
