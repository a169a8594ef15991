// The admin endpoint: what it answers, apart from how the server comes to know it.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "source/base/result.h"
#include "source/http/host_names.h"
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
  // Which sessions are asked for; what is empty matches all.
  struct SessionQuery {
    size_t limit = 0;
    std::string player{};
    std::string room{};
    std::string chain{};
    std::string listener{};
  };
  // At most `limit` sessions that match, and how many there are in all.
  virtual nlohmann::json sessions(const SessionQuery& query) const = 0;
  virtual void collect(stats::Samples& out) const = 0;
  virtual Status reload() = 0;
  // A configuration that is only asked about.
  struct Question {
    std::string text{};  // empty: the file
    bool is_json = false;
    std::string directory{};  // that relative paths in `text` start from, absolute; empty: that of the file
  };
  // What a reload would do. Changes nothing, and runs no code for a text that does not run already.
  virtual Result<nlohmann::json> plan(const Question& question) const = 0;
  // `exit`: and ends when the sessions have gone, or the limit is up, as SIGTERM does.
  virtual void drain(bool exit) = 0;
};

// Who may use the endpoint.
struct Access {
  std::string token{};  // that requests must bring; empty: none
  http::HostNames hosts{};
};

class Api {
 public:
  // `backend` outlives it.
  explicit Api(Backend& backend);

  // Takes effect with the next request.
  void configure(Access access) { access_ = std::move(access); }

  http::Response handle(const http::Request& request) const;
  // Judges a request that has a body by its headers: the answer that refuses it, or nothing.
  std::optional<http::Response> refuse(const http::Request& request) const;

 private:
  std::optional<http::Response> checkAccess(const http::Request& request) const;

  Access access_;
  http::Router router_;
};

}  // namespace sluice::admin
