#include "source/http/connection.h"

#include <doctest/doctest.h>

#include "source/http/client.h"

using namespace sluice;
using namespace sluice::http;
using boost::asio::ip::tcp;

namespace {

constexpr Duration kPatience = 50ms;

// Accepts connections and sends nothing.
struct Silent {
  boost::asio::io_context io;
  tcp::acceptor acceptor{io, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0)};
  std::string port() const { return std::to_string(acceptor.local_endpoint().port()); }
};

}  // namespace

TEST_CASE("the wait for a silent server ends after the timeout") {
  Silent server;
  auto connection = Connection::open(server.io, nullptr, "127.0.0.1", server.port(), kPatience);
  REQUIRE(connection.ok());
  char byte;
  Connection::ErrorCode error;
  CHECK((*connection)->read_some(boost::asio::buffer(&byte, 1), error) == 0);
  CHECK(error == boost::asio::error::timed_out);
}

TEST_CASE("the wait for a TLS handshake ends after the timeout") {
  Silent server;
  const auto tls = TlsClient::make({});
  REQUIRE(tls.ok());
  const auto connection = Connection::open(server.io, tls->get(), "127.0.0.1", server.port(), kPatience);
  REQUIRE_FALSE(connection.ok());
  CHECK(connection.error().toString() ==
        "the TLS handshake with 127.0.0.1:" + server.port() + " failed: no response in time");
}

TEST_CASE("a server that does not listen is named") {
  Silent server;
  const std::string port = server.port();
  server.acceptor.close();
  const auto connection = Connection::open(server.io, nullptr, "127.0.0.1", port, kPatience);
  REQUIRE_FALSE(connection.ok());
  CHECK(connection.error().toString() == "127.0.0.1:" + port + ": Connection refused");
}

TEST_CASE("unusable CA files are named") {
  const auto reason = [](const std::string& file) {
    const auto tls = TlsClient::make({.ca_file = file});
    return tls.ok() ? std::string() : tls.error().toString();
  };
  CHECK(reason("test/http/certificate.pem") == "");
  CHECK(reason("/nowhere/ca.pem") == "ca_file: /nowhere/ca.pem cannot be read");
  CHECK(reason("/dev/null") == "ca_file: /dev/null has no certificate in PEM");
  CHECK(reason("test/http/private_key.pem") ==
        "ca_file: test/http/private_key.pem has no certificate in PEM");
}

TEST_CASE("addresses of a client are parsed") {
  const auto reason = [](const std::string& url) {
    const auto client = Client::make({.url = url});
    return client.ok() ? std::string() : client.error().toString();
  };
  CHECK(reason("http://127.0.0.1:8080") == "");
  CHECK(reason("https://[::1]:8443/") == "");
  CHECK(reason("https://voice.example") == "");
  CHECK(reason("voice.example") == "must begin with http:// or https://");
  CHECK(reason("https://") == "has no host");
}
