#include "source/http/client.h"

#include <boost/asio/io_context.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "source/http/connection.h"

namespace sluice::http {
namespace {

// Debian's libcurl with GnuTLS cannot be used for HTTPS: its libssh2 loads OpenSSL into the process.
namespace beast = boost::beast::http;
using ErrorCode = Connection::ErrorCode;

constexpr Duration kPatience = std::chrono::seconds{10};
constexpr std::string_view kHttp = "http://";
constexpr std::string_view kHttps = "https://";

}  // namespace

struct Client::Impl {
  std::string authority;  // as in the URL
  std::string host;
  std::string port;
  std::string token;
  std::unique_ptr<TlsClient> tls;  // null for http
  boost::asio::io_context io;
  std::unique_ptr<Connection> connection;  // kept open between requests

  ErrorCode exchange(const beast::request<beast::string_body>& request,
                     beast::response<beast::string_body>& response) {
    ErrorCode error;
    boost::beast::flat_buffer buffer;
    beast::write(*connection, request, error);
    if (!error) beast::read(*connection, buffer, response, error);
    if (error || !response.keep_alive()) connection.reset();
    return error;
  }
};

Result<std::unique_ptr<Client>> Client::make(const ClientOptions& options) {
  const std::string& url = options.url;
  const bool secure = url.starts_with(kHttps);
  if (!secure && !url.starts_with(kHttp)) return Error{"", "must begin with http:// or https://"};
  std::string authority = url.substr(secure ? kHttps.size() : kHttp.size());
  authority = authority.substr(0, authority.find('/'));
  auto impl = std::make_unique<Impl>();
  impl->authority = authority;
  const size_t bracket = authority.starts_with('[') ? authority.find(']') : std::string::npos;
  const size_t colon = authority.find(':', bracket == std::string::npos ? 0 : bracket);
  impl->host = bracket == std::string::npos ? authority.substr(0, colon) : authority.substr(1, bracket - 1);
  impl->port = colon != std::string::npos ? authority.substr(colon + 1) : secure ? "443" : "80";
  impl->token = options.token;
  if (impl->host.empty()) return Error{"", "has no host"};
  if (secure) {
    auto tls = TlsClient::make(options.trust);
    if (!tls.ok()) return tls.error();
    impl->tls = *std::move(tls);
  }
  return std::unique_ptr<Client>(new Client(std::move(impl)));
}

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

Status Client::connect() {
  auto opened = Connection::open(impl_->io, impl_->tls.get(), impl_->host, impl_->port, kPatience);
  if (!opened.ok()) return opened.error();
  impl_->connection = *std::move(opened);
  return Done{};
}

Result<ClientResponse> Client::request(const std::string& method, const std::string& target,
                                       const std::string& content_type, const std::string& body,
                                       const std::string& token) {
  beast::request<beast::string_body> request;
  request.method_string(method);
  request.target(target);
  request.version(11);
  request.set(beast::field::host, impl_->authority);
  request.set(beast::field::user_agent, "sluice");
  const std::string& bearer = token.empty() ? impl_->token : token;
  if (!bearer.empty()) request.set(beast::field::authorization, "Bearer " + bearer);
  if (!content_type.empty()) {
    request.set(beast::field::content_type, content_type);
    request.body() = body;
  }
  request.prepare_payload();
  // The server may have closed a kept connection meanwhile; the second attempt uses a new one.
  for (bool kept = impl_->connection != nullptr;; kept = false) {
    if (!kept) {
      if (const Status connected = connect(); !connected.ok()) return connected.error();
    }
    beast::response<beast::string_body> response;
    const ErrorCode error = impl_->exchange(request, response);
    if (!error) {
      return ClientResponse{static_cast<int>(response.result_int()), response.body(),
                            std::string(response[beast::field::location])};
    }
    if (kept && error != boost::asio::error::timed_out) continue;
    const bool no_http = error == beast::error::end_of_stream || error == beast::error::bad_version;
    return Error{"", impl_->host + ":" + impl_->port + ": " + error.message() +
                         (no_http && impl_->tls == nullptr ? "; is it an https address?" : "")};
  }
}

}  // namespace sluice::http
