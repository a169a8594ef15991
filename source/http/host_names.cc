#include "source/http/host_names.h"

#include <arpa/inet.h>

#include <algorithm>
#include <utility>

#include "source/http/message.h"

namespace sluice::http {
namespace {

bool isDigits(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool isAddress(int family, std::string_view text) {
  in6_addr address;
  return inet_pton(family, std::string(text).c_str(), &address) == 1;
}

// Handles "[2001:db8::1]:80" and "name:80"; returns an empty text if the port is invalid.
std::string_view withoutPort(std::string_view host) {
  const size_t bracket = host.find(']');
  const size_t colon = host.find(':', bracket == host.npos ? 0 : bracket);
  if (colon == host.npos) return host;
  return isDigits(host.substr(colon + 1)) ? host.substr(0, colon) : std::string_view();
}

}  // namespace

HostNames::HostNames(std::vector<std::string> names) : names_(std::move(names)) {
  for (std::string& name : names_) name = lowerCase(name);
}

bool HostNames::contains(std::string_view host) const {
  if (host.empty()) return true;
  const std::string name = lowerCase(withoutPort(host));
  if (name.starts_with('[') && name.ends_with(']')) {
    return isAddress(AF_INET6, std::string_view(name).substr(1, name.size() - 2));
  }
  if (!isHostName(name)) return false;
  if (isAddress(AF_INET, name)) return true;
  if (name == "localhost" || name.ends_with(".localhost")) return true;
  return std::ranges::find(names_, name) != names_.end();
}

bool isHostName(std::string_view text) {
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
}

bool isOrigin(std::string_view text) {
  if (text == "*") return true;
  if (text != lowerCase(text)) return false;
  const size_t scheme = text.starts_with("https://") ? 8 : text.starts_with("http://") ? 7 : 0;
  if (scheme == 0) return false;
  std::string_view host = text.substr(scheme);
  if (const size_t end = withoutPort(host).size(); end < host.size()) {
    const size_t digits = host.size() - end - 1;
    if (digits == 0 || digits > 5) return false;
    host = host.substr(0, end);
  }
  return isHostName(host) || (host.starts_with('[') && HostNames().contains(host));
}

}  // namespace sluice::http
