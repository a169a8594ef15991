// The admin endpoint: what it answers, apart from how the server comes to know it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "source/base/result.h"
#include "source/http/router.h"
#include "source/stats/samples.h"

namespace sluice::admin {

// The server behind the endpoint. Main thread.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual bool draining() const = 0;
  virtual nlohmann::json serverInfo() const = 0;
  // The configuration that runs, without secrets.
  virtual nlohmann::json configDump() const = 0;
  virtual nlohmann::json listeners() const = 0;
  // At most `limit` sessions, and how many there are.
  virtual nlohmann::json sessions(size_t limit) const = 0;
  virtual void collect(stats::Samples& out) const = 0;
  virtual Status reload() = 0;
  // What a reload would do, of the file or of `text` if that is not empty. Changes nothing.
  virtual Result<nlohmann::json> plan(const std::string& text, bool is_json) const = 0;
  // `exit`: and ends when the sessions have gone, or the limit is up, as SIGTERM does.
  virtual void drain(bool exit) = 0;
};

// `backend` outlives the router.
http::Router makeRouter(Backend& backend);

}  // namespace sluice::admin
