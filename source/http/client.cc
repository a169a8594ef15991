#include "source/http/client.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/version.hpp>
#include <optional>

namespace sluice::http {
namespace {

// Debian's libcurl with GnuTLS is no way to HTTPS: its libssh2 brings OpenSSL into the process.
namespace beast = boost::beast::http;
using boost::asio::ip::tcp;

constexpr auto kTimeout = std::chrono::seconds{10};

}  // namespace

struct Client::Impl {
  std::string authority;  // as in the URL
  std::string host;
  std::string port;
  std::string token;
  boost::asio::io_context io;
  std::optional<boost::beast::tcp_stream> stream;  // kept open between requests

  boost::system::error_code connect() {
    boost::system::error_code error;
    const auto endpoints = tcp::resolver(io).resolve(host, port, error);
    if (error) return error;
    stream.emplace(io);
    stream->expires_after(kTimeout);
    stream->connect(endpoints, error);
    if (error) stream.reset();
    return error;
  }

  boost::system::error_code exchange(const beast::request<beast::string_body>& request,
                                     beast::response<beast::string_body>& response) {
    boost::system::error_code error;
    if (!stream && (error = connect())) return error;
    boost::beast::flat_buffer buffer;
    stream->expires_after(kTimeout);
    beast::write(*stream, request, error);
    if (!error) beast::read(*stream, buffer, response, error);
    if (error || !response.keep_alive()) stream.reset();
    return error;
  }
};

Result<std::unique_ptr<Client>> Client::make(const std::string& url, std::string token) {
  static constexpr std::string_view kScheme = "http://";
  if (url.starts_with("https://")) return Error{"", "https is not supported here; use the http address"};
  if (!url.starts_with(kScheme)) return Error{"", "must begin with http://"};
  std::string authority = url.substr(kScheme.size());
  authority = authority.substr(0, authority.find('/'));
  auto impl = std::make_unique<Impl>();
  impl->authority = authority;
  const size_t bracket = authority.starts_with('[') ? authority.find(']') : std::string::npos;
  const size_t colon = authority.find(':', bracket == std::string::npos ? 0 : bracket);
  impl->host = bracket == std::string::npos ? authority.substr(0, colon) : authority.substr(1, bracket - 1);
  impl->port = colon == std::string::npos ? "80" : authority.substr(colon + 1);
  impl->token = std::move(token);
  if (impl->host.empty()) return Error{"", "has no host"};
  return std::unique_ptr<Client>(new Client(std::move(impl)));
}

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

Result<ClientResponse> Client::request(const std::string& method, const std::string& target,
                                       const std::string& content_type, const std::string& body) {
  beast::request<beast::string_body> request;
  request.method_string(method);
  request.target(target);
  request.version(11);
  request.set(beast::field::host, impl_->authority);
  request.set(beast::field::user_agent, "sluice");
  if (!impl_->token.empty()) request.set(beast::field::authorization, "Bearer " + impl_->token);
  if (!content_type.empty()) {
    request.set(beast::field::content_type, content_type);
    request.body() = body;
  }
  request.prepare_payload();
  beast::response<beast::string_body> response;
  const bool reused = impl_->stream.has_value();
  auto error = impl_->exchange(request, response);
  if (error && reused) {  // the server closed the kept connection meanwhile
    response = {};
    error = impl_->exchange(request, response);
  }
  if (error) return Error{impl_->host + ":" + impl_->port, error.message()};
  return ClientResponse{static_cast<int>(response.result_int()), response.body(),
                        std::string(response[beast::field::location])};
}

}  // namespace sluice::http
