#include "source/net/address.h"

#include <doctest/doctest.h>

namespace sluice {
namespace {

using net::Address;
using net::Prefix;

TEST_CASE("Address: addresses are parsed and printed") {
  for (const char* text : {"192.0.2.1:3478", "[2001:db8::1]:3478", "0.0.0.0:0", "[::]:65535"}) {
    const auto address = Address::parse(text);
    CAPTURE(text);
    REQUIRE(address.ok());
    CHECK(address->toString() == text);
    sockaddr_storage name;
    address->toSockaddr(name);
    CHECK(Address::fromSockaddr(reinterpret_cast<sockaddr*>(&name)) == *address);
  }
}

TEST_CASE("Address: invalid text is refused with the text in the error") {
  for (const char* text :
       {"", "192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:-1", "192.0.2.1:12a", "2001:db8::1:3478",
        "[192.0.2.1]:1", "[2001:db8::1]", "example.org:1", "192.0.2.256:1"}) {
    const auto address = Address::parse(text);
    CAPTURE(text);
    REQUIRE_FALSE(address.ok());
    CHECK(address.error().message.find("'" + std::string(text) + "'") == 0);
  }
}

TEST_CASE("an IPv4-mapped address is IPv4") {
  sockaddr_storage name;
  Address::parse("[::ffff:192.0.2.1]:7")->toSockaddr(name);
  CHECK(Address::fromSockaddr(reinterpret_cast<sockaddr*>(&name)).toString() == "192.0.2.1:7");
}

TEST_CASE("Prefix: prefixes contain the right addresses") {
  struct Case {
    const char* prefix;
    const char* address;
    bool covers;
  };
  for (const Case& c : {Case{"10.0.0.0/8", "10.255.0.1", true}, Case{"10.0.0.0/8", "11.0.0.1", false},
                        Case{"0.0.0.0/0", "203.0.113.1", true}, Case{"192.0.2.1", "192.0.2.1", true},
                        Case{"192.0.2.1", "192.0.2.2", false}, Case{"192.0.2.128/25", "192.0.2.127", false},
                        Case{"192.0.2.128/25", "192.0.2.200", true}, Case{"fd00::/8", "fdff::1", true},
                        Case{"fe80::/10", "fec0::1", false}, Case{"::/0", "192.0.2.1", false}}) {
    CAPTURE(c.prefix);
    CAPTURE(c.address);
    CHECK(Prefix::parse(c.prefix)->contains(*Address::parseIp(c.address)) == c.covers);
  }
  for (const char* text : {"10.0.0.0/33", "10.0.0/8", "/8", "10.0.0.0/", "fd00::/129"}) {
    CHECK_FALSE(Prefix::parse(text).ok());
  }
}

TEST_CASE("a site is an IPv4 address or an IPv6 /64") {
  CHECK(Address::parse("192.0.2.1:7")->site().toString() == "192.0.2.1:0");
  CHECK(Address::parse("[2001:db8:1:2:3:4:5:6]:7")->site().toString() == "[2001:db8:1:2::]:0");
}

TEST_CASE("the hash depends on the port, every byte and the salt") {
  const Address a = *Address::parse("192.0.2.1:1");
  CHECK(a.hash(0) == Address::parse("192.0.2.1:1")->hash(0));
  CHECK(a.hash(0) != a.hash(1));
  CHECK(a.hash(0) != a.withPort(2).hash(0));
  CHECK(a.hash(0) != Address::parse("192.0.3.1:1")->hash(0));
}

}  // namespace
}  // namespace sluice
