// An HTTP endpoint whose options may change while it runs: connections that are there go on as they began.
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
  // What it is to be. Equal wishes are the same endpoint.
  struct EndpointSpec {
    http::Options options;  // without admission, which is the endpoint's
    std::string tls;        // the files' content
    http::Limits limits;    // take effect on the server that runs
    // The same server serves both.
    bool isSame(const EndpointSpec& other) const;
  };

  // `name` is the endpoint's in log lines.
  Endpoint(net::EventLoop& loop, std::string name, http::Handlers handlers)
      : loop_(loop),
        handlers_(std::move(handlers)),
        admission_(std::make_shared<http::Admission>(std::move(name))) {}

  // A server for the spec, under the old one's socket where the address stays; null: the one that runs is
  // right, or none is wished. It listens, but is nobody's until commit(). `listening`: a socket from
  // elsewhere, ours now, which serves if it has the right address.
  Result<std::unique_ptr<http::Server>> prepare(const std::optional<EndpointSpec>& spec,
                                                int listening = -1) const;
  // Never fails. Also from a handler of the old server.
  void commit(std::optional<EndpointSpec> spec, std::unique_ptr<http::Server> fresh);
  // Ends old servers that nobody talks to any more. Not from a handler.
  void sweep();

  // Null: none.
  http::Server* server() const { return server_.get(); }
  const http::Admission& admission() const { return *admission_; }
  void stop();

 private:
  static constexpr size_t kMaxOld = 4;  // then the oldest one's connections end

  net::EventLoop& loop_;
  const http::Handlers handlers_;
  const std::shared_ptr<http::Admission> admission_;  // of the old servers too
  std::optional<EndpointSpec> spec_;
  std::unique_ptr<http::Server> server_;
  std::vector<std::unique_ptr<http::Server>> old_;
};

}  // namespace sluice::server
