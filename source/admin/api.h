// The admin endpoint: its requests and responses, independent of how the server obtains the data.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "source/admin/room_source.h"
#include "source/base/result.h"
#include "source/http/host_names.h"
#include "source/http/router.h"
#include "source/net/address.h"
#include "source/stats/samples.h"

namespace sluice::admin {

// Supplies the content of the endpoint's responses. Main thread.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual bool draining() const = 0;
  virtual nlohmann::json serverInfo() const = 0;
  // The running configuration, without secrets.
  virtual nlohmann::json configDump() const = 0;
  virtual nlohmann::json listeners() const = 0;
  // The last reloads, newest first, and the number of all.
  virtual nlohmann::json reloads() const = 0;
  // Selects sessions; empty fields match all.
  struct SessionQuery {
    size_t limit = 0;
    std::string player{};
    std::string room{};
    std::string chain{};
    std::string listener{};
    net::Address client{};  // port 0: any port; unset: any client
  };
  // At most `limit` matching sessions, and the total number.
  virtual nlohmann::json sessions(const SessionQuery& query) const = 0;
  virtual void collect(stats::Samples& out) const = 0;
  // A configuration for a dry run.
  struct Question {
    std::string text{};  // empty: the file
    bool is_json = false;
    std::string directory{};  // base of relative paths in `text`, absolute; empty: the file's directory
  };
  // The effect of a reload. Changes nothing, and runs no module that is not already loaded.
  virtual Result<nlohmann::json> plan(const Question& question) const = 0;
};

// Carries out the requests that change the process. Main thread.
class Operations {
 public:
  virtual ~Operations() = default;
  virtual Status reload() = 0;
  // `exit`: the process ends when all sessions have ended or the drain timeout expires, as with SIGTERM.
  virtual void drain(bool exit) = 0;
};

// The access rules of the endpoint.
struct Access {
  std::string token{};  // required in requests; empty: none
  http::HostNames hosts{};
};

class Api {
 public:
  // All of them outlive it.
  Api(const Backend& backend, const RoomSource& rooms, Operations& operations);

  // Takes effect for the next request.
  void configure(Access access) { access_ = std::move(access); }

  http::Response handle(const http::Request& request) const;
  // Checks a request that has a body by its headers alone: the response that refuses it, or nothing.
  std::optional<http::Response> refuse(const http::Request& request) const;

 private:
  void addRooms(const RoomSource& rooms);
  std::optional<http::Response> checkAccess(const http::Request& request) const;

  Access access_;
  http::Router router_;
};

}  // namespace sluice::admin
