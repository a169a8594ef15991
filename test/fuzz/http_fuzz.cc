// Any request head: a route is found correctly, and no other host name or origin is accepted. The input is
// a request line and header lines, as in HTTP/1.1.
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "source/base/bytes.h"
#include "source/http/admission.h"
#include "source/http/host_names.h"
#include "source/http/message.h"
#include "source/http/router.h"

namespace {

using namespace sluice;

void require(bool holds) {
  if (!holds) std::abort();
}

std::string_view takeUntil(std::string_view& text, char end) {
  const size_t at = text.find(end);
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at == text.npos ? text.size() : at + 1);
  return taken;
}

http::Request parse(std::string_view text) {
  http::Request request;
  std::string_view line = takeUntil(text, '\n');
  request.method = takeUntil(line, ' ');
  request.path = takeUntil(line, ' ');
  while (!text.empty()) {
    std::string_view header = takeUntil(text, '\n');
    const std::string name = http::lowerCase(takeUntil(header, ':'));
    if (header.starts_with(' ')) header.remove_prefix(1);
    request.headers[name] = header;
  }
  return request;
}

const http::Router& router() {
  static const http::Router kRouter = [] {
    http::Router made;
    const auto echo = [](const http::Request&, const http::Parameters& parameters) {
      std::string all;
      for (const auto& [name, value] : parameters) {
        require(value.find('\0') == value.npos);
        all += value;
      }
      return http::text(200, all);
    };
    const auto check = [](const http::Request& request,
                          const http::Parameters&) -> std::optional<http::Response> {
      if (http::bearerToken(request.header("authorization")) == "open") return std::nullopt;
      return http::error(401, request.header("authorization"));
    };
    made.add("GET", "/v1/rooms", echo);
    made.add("GET", "/v1/rooms/{room}", echo);
    made.add("POST", "/v1/rooms/{room}/players/{player}", echo, check);
    made.add("DELETE", "/v1/rooms/{room}/players/{player}", echo);
    made.add("GET", "/{page...}", echo);
    return made;
  }();
  return kRouter;
}

void route(const http::Request& request) {
  const http::Response response = router().handle(request);
  const auto refused = router().refuse(request);
  switch (response.status) {
    case 200:
      require(request.method == "GET" || request.method == "HEAD" || request.method == "POST" ||
              request.method == "DELETE");
      require(refused.has_value() == (request.method != "POST"));
      break;
    case 204:
    case 400:
    case 401:
    case 404:
    case 405:
      require(refused && refused->status == response.status && refused->body == response.body);
      break;
    default:
      require(false);
  }
}

// A host name that is accepted is written into a page.
void checkHost(std::string_view host) {
  static const http::HostNames kNames({"game.example"});
  if (!kNames.contains(host)) return;
  for (const char c : host) require(http::isHostName({&c, 1}) || c == ':' || c == '[' || c == ']');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = asText({data, size});
  if (text.find('\0') != text.npos) return 0;  // libmicrohttpd passes C strings
  const http::Request request = parse(text);
  route(request);
  checkHost(request.header("host"));
  static_cast<void>(request.contentType());
  if (http::isOrigin(request.header("origin"))) {
    for (const char c : request.header("origin")) require(c > ' ' && c <= '~');
  }
  if (const auto decoded = http::percentDecode(request.path)) {
    require(decoded->size() <= request.path.size());
    require(decoded->find('\0') == decoded->npos);
  }
  static const http::Admission kAdmission(
      "fuzz", {.trusted_proxies = {*net::Prefix::parse("10.0.0.0/8"), *net::Prefix::parse("fd00::/8")}});
  const net::Address peer = *net::Address::parseIp("10.0.0.1");
  require(kAdmission.clientOf(peer, request.header("x-forwarded-for")).isSet());
  const net::Address other = *net::Address::parseIp("192.0.2.1");
  require(kAdmission.clientOf(other, request.header("x-forwarded-for")) == other);
  return 0;
}
