// An HTTP endpoint whose options may change while it runs: existing connections keep the old ones.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/http/server.h"
#include "source/net/event_loop.h"

namespace sluice::server {

class Endpoint {
 public:
  // The endpoint that a configuration requests.
  struct EndpointSpec {
    http::Options options;  // without admission, which belongs to the endpoint
    std::string tls;        // content of the files
    http::Limits limits;    // take effect on the running server
    // True if the same server serves both.
    bool isSame(const EndpointSpec& other) const;
  };

  // `name` is used in log lines.
  Endpoint(net::EventLoop& loop, std::string name, http::Handlers handlers)
      : loop_(loop),
        handlers_(std::move(handlers)),
        admission_(std::make_shared<http::Admission>(std::move(name))) {}

  // Makes a server for the spec, on the running server's socket if the address is the same. The new server
  // listens, but is not in use until commit(). Null if the running server fits, or no endpoint is wanted.
  // Takes ownership of `listening`, an inherited socket, and uses it if it has the right address.
  Result<std::unique_ptr<http::Server>> prepare(const std::optional<EndpointSpec>& spec,
                                                int listening = -1) const;
  // Never fails. May be called from a handler of the old server.
  void commit(std::optional<EndpointSpec> spec, std::unique_ptr<http::Server> fresh);
  // Destroys old servers without connections. Not from a handler.
  void sweep();

  // Null: none.
  http::Server* server() const { return server_.get(); }
  const http::Admission& admission() const { return *admission_; }
  void stop();

 private:
  static constexpr size_t kMaxOld = 4;  // beyond that, the oldest one's connections are closed

  net::EventLoop& loop_;
  const http::Handlers handlers_;
  const std::shared_ptr<http::Admission> admission_;  // shared with the old servers
  std::optional<EndpointSpec> spec_;
  std::unique_ptr<http::Server> server_;
  std::vector<std::unique_ptr<http::Server>> old_;
};

}  // namespace sluice::server
