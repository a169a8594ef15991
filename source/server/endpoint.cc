#include "source/server/endpoint.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "source/net/address.h"

namespace sluice::server {

namespace {

bool listensAt(int fd, const http::Options& options) {
  const net::Address bound = net::boundAddress(fd);
  return bound.isSet() && bound.ipString() == options.host &&
         (options.port == 0 || options.port == bound.port());
}

}  // namespace

bool Endpoint::EndpointSpec::isSame(const EndpointSpec& other) const {
  return options.host == other.options.host && options.port == other.options.port && tls == other.tls &&
         options.max_body_bytes == other.options.max_body_bytes;
}

Result<std::unique_ptr<http::Server>> Endpoint::prepare(const std::optional<EndpointSpec>& spec,
                                                        int listening) const {
  if (listening >= 0 && (!spec || !listensAt(listening, spec->options))) {
    close(listening);  // not needed
    listening = -1;
  }
  if (!spec || (spec_ && spec->isSame(*spec_))) return std::unique_ptr<http::Server>();
  http::Options options = spec->options;
  options.listening = listening;
  options.admission = admission_;
  if (spec_ && spec_->options.host == options.host && spec_->options.port == options.port) {
    options.listening = fcntl(server_->descriptor(), F_DUPFD_CLOEXEC, 0);
  }
  return http::Server::start(loop_, options, handlers_);
}

void Endpoint::commit(std::optional<EndpointSpec> spec, std::unique_ptr<http::Server> fresh) {
  if (server_ != nullptr && (fresh != nullptr || !spec)) {
    server_->leaveSocket();
    old_.push_back(std::move(server_));
  }
  if (fresh != nullptr) server_ = std::move(fresh);
  if (spec) admission_->configure(spec->limits, RealClock().now());
  spec_ = std::move(spec);
}

void Endpoint::sweep() {
  std::erase_if(old_, [](const auto& server) { return server->connections() == 0; });
  if (old_.size() > kMaxOld) old_.erase(old_.begin());
}

void Endpoint::stop() {
  old_.clear();
  server_.reset();
}

}  // namespace sluice::server
