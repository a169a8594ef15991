#include "source/server/endpoint.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::server {
namespace {

Endpoint::EndpointSpec at(uint16_t port, size_t max_body_bytes = 1000) {
  Endpoint::EndpointSpec spec;
  spec.options.host = "127.0.0.1";
  spec.options.port = port;
  spec.options.max_body_bytes = max_body_bytes;
  return spec;
}

struct Fixture {
  // What a reload does; the new server, if there is one.
  http::Server* apply(const std::optional<Endpoint::EndpointSpec>& spec, int listening = -1) {
    auto fresh = endpoint.prepare(spec, listening);
    REQUIRE_MESSAGE(fresh.ok(), (fresh.ok() ? "" : toString(fresh.errors())));
    http::Server* server = fresh->get();
    endpoint.commit(spec, *std::move(fresh));
    return server;
  }
  bool accepts(uint16_t port) const {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool connected = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    close(fd);
    return connected;
  }

  net::EventLoop loop;
  Endpoint endpoint{loop,
                    "test",
                    {.handle = [](const http::Request&) { return http::text(200, "hello"); },
                     .refuse = {},
                     .cost = {},
                     .finish = {}}};
};

TEST_CASE("Endpoint: an unchanged specification keeps the running server") {
  Fixture f;
  http::Server* first = f.apply(at(0));
  REQUIRE(first != nullptr);
  CHECK(f.apply(at(0)) == nullptr);
  CHECK(f.endpoint.server() == first);
}

TEST_CASE("Endpoint: another server at the same address takes over the socket") {
  Fixture f;
  const uint16_t port = f.apply(at(0))->port();
  http::Server* second = f.apply(at(0, 2000));
  REQUIRE(second != nullptr);
  CHECK(second->port() == port);
  CHECK(f.endpoint.server() == second);
  CHECK(f.accepts(port));
}

TEST_CASE("Endpoint: an address that is not wanted any more is closed") {
  Fixture f;
  const uint16_t port = f.apply(at(0))->port();
  CHECK(f.apply(std::nullopt) == nullptr);
  CHECK(f.endpoint.server() == nullptr);
  f.endpoint.sweep();
  CHECK_FALSE(f.accepts(port));
}

TEST_CASE("Endpoint: an address in use is an error, and the running server stays") {
  Fixture f, other;
  const uint16_t taken = other.apply(at(0))->port();
  const uint16_t port = f.apply(at(0))->port();
  CHECK_FALSE(f.endpoint.prepare(at(taken)).ok());
  CHECK(f.accepts(port));
}

TEST_CASE("Endpoint: a prepared server that is not committed leaves no trace") {
  Fixture f;
  const uint16_t port = f.apply(at(0))->port();
  uint16_t abandoned = 0;
  {
    const auto fresh = f.endpoint.prepare(at(0, 2000));
    REQUIRE(fresh.ok());
    abandoned = (*fresh)->port();
  }
  CHECK(abandoned == port);
  CHECK(f.accepts(port));
}

TEST_CASE("Endpoint: an inherited socket is used if its address is wanted, and closed otherwise") {
  Fixture before;
  const uint16_t port = before.apply(at(0))->port();
  const auto inherited = [&] { return fcntl(before.endpoint.server()->descriptor(), F_DUPFD_CLOEXEC, 0); };
  Fixture same;
  CHECK(same.apply(at(port), inherited())->port() == port);
  Fixture other;
  const int unwanted = inherited();
  CHECK(other.apply(std::nullopt, unwanted) == nullptr);
  CHECK(fcntl(unwanted, F_GETFD) == -1);
}

}  // namespace
}  // namespace sluice::server
