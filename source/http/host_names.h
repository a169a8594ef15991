// Checks whether a Host header names an endpoint (RFC 9110 section 7.2). For a browser, a page of another
// site whose name was made to resolve to this server's address ("DNS rebinding") has the same origin as the
// endpoint, but the browser still sends the site's own name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::http {

class HostNames {
 public:
  // Names to accept in addition to those that are always accepted, without ports.
  explicit HostNames(std::vector<std::string> names = {});

  // `host`: the header's value; case and port are ignored. True for every IP address, which no other site can
  // have as its name, localhost and its subdomains, and a request without Host, which no browser sends.
  bool contains(std::string_view host) const;

 private:
  std::vector<std::string> names_;  // lower case
};

// A DNS name or IP address without a port, as HostNames takes it.
bool isHostName(std::string_view text);

// "*", or an origin as browsers write it: "https://game.example" or "http://[2001:db8::1]:8080".
bool isOrigin(std::string_view text);

}  // namespace sluice::http
