// RFC 5780 section 6.1: the response of a server with two addresses to a Binding request.
#include "filters/stun_turn/nat_discovery.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

namespace sluice::stun_turn {
namespace {

net::Address at(const std::string& text) {
  return *net::Address::parse(text);
}
const net::Address kClient = at("203.0.113.5:5000");
const NatDiscovery kDiscovery{at("192.0.2.1:3478"), at("192.0.2.2:3479")};

struct Request {
  explicit Request(const std::function<void(stun::Writer&)>& fill) : bytes(stun::kMaxMessage) {
    stun::Writer writer(bytes, stun::kBinding, stun::Class::kRequest, {});
    fill(writer);
    bytes.resize(writer.finish().value());
  }
  NatDiscovery::Reply plan(const net::Address& local = kDiscovery.primary) const {
    return kDiscovery.plan(*stun::parse(bytes), kClient, local);
  }
  std::vector<uint8_t> bytes;
};

Request change(uint32_t flags) {
  return Request([flags](stun::Writer& writer) { writer.addU32(stun::kChangeRequest, flags); });
}
Request plain() {
  return Request([](stun::Writer&) {});
}
void addPort(stun::Writer& writer, uint16_t port) {
  writer.addU32(stun::kResponsePort, uint32_t{port} << 16);
}

TEST_CASE("RFC 5780 6.1: CHANGE-REQUEST decides which of the four addresses responds") {
  struct Case {
    const char* local;
    uint32_t flags;  // 4: change the IP address, 2: the port
    const char* from;
  };
  for (const Case& c : {Case{"192.0.2.1:3478", 0, "192.0.2.1:3478"},
                        {"192.0.2.1:3478", 2, "192.0.2.1:3479"},
                        {"192.0.2.1:3478", 4, "192.0.2.2:3478"},
                        {"192.0.2.1:3478", 6, "192.0.2.2:3479"},
                        {"192.0.2.2:3479", 6, "192.0.2.1:3478"},
                        {"192.0.2.2:3478", 6, "192.0.2.1:3479"},
                        {"192.0.2.1:3479", 2, "192.0.2.1:3478"},
                        {"192.0.2.1:3478", ~6u, "192.0.2.1:3478"}}) {
    CAPTURE(c.local);
    CAPTURE(c.flags);
    const auto reply = change(c.flags).plan(at(c.local));
    CHECK(!reply.error);
    CHECK(reply.from == at(c.from));
    CHECK(reply.to == kClient);
    CHECK(reply.elsewhere == (std::string(c.local) != c.from));
  }
}

TEST_CASE(
    "RFC 5780 6.1: OTHER-ADDRESS differs in IP address and port from the address that received the request") {
  CHECK(plain().plan(at("192.0.2.1:3478")).other == at("192.0.2.2:3479"));
  CHECK(plain().plan(at("192.0.2.2:3479")).other == at("192.0.2.1:3478"));
  CHECK(plain().plan(at("192.0.2.1:3479")).other == at("192.0.2.2:3478"));
}

TEST_CASE("RFC 5780 7.5: RESPONSE-PORT sends the response to another port of the client") {
  const auto reply = Request([](stun::Writer& writer) { addPort(writer, 6000); }).plan();
  CHECK(!reply.error);
  CHECK(reply.to == kClient.withPort(6000));
  CHECK(reply.elsewhere);
  CHECK(Request([](stun::Writer& writer) { addPort(writer, 0); }).plan().error ==
        stun::ErrorCode::kBadRequest);
  const uint8_t one_byte[1] = {};
  CHECK(
      Request([&](stun::Writer& writer) { writer.add(stun::kResponsePort, Bytes(one_byte)); }).plan().error ==
      stun::ErrorCode::kBadRequest);
}

TEST_CASE(
    "RFC 5780 6.1: the response to PADDING has the same amount; with RESPONSE-PORT it is an error 400") {
  const std::vector<uint8_t> padding(400);
  CHECK(Request([&](stun::Writer& writer) { writer.add(stun::kPadding, Bytes(padding)); }).plan().padding ==
        400);
  const Request both([&](stun::Writer& writer) {
    writer.add(stun::kPadding, Bytes(padding));
    addPort(writer, 6000);
  });
  CHECK(both.plan().error == stun::ErrorCode::kBadRequest);
}

TEST_CASE(
    "a response contains the attributes that fit below three times its request, the most useful ones first") {
  const auto attributes = [](size_t limit, size_t padding) {
    std::vector<uint8_t> bytes(stun::kMaxMessage);
    stun::Writer writer(bytes, stun::kBinding, stun::Class::kSuccess, {});
    auto reply = plain().plan();
    reply.padding = padding;
    NatDiscovery::addTo(writer, reply, kClient, limit);
    bytes.resize(writer.finish().value());
    CHECK(bytes.size() < std::max<size_t>(limit, 21));
    const auto message = *stun::parse(bytes);
    std::string names;
    for (const auto& [type, name] : {std::pair{stun::kOtherAddress, 'o'},
                                     {stun::kResponseOrigin, 'r'},
                                     {stun::kMappedAddress, 'm'},
                                     {stun::kPadding, 'p'}})
      if (message.has(type)) names += name;
    return names;
  };
  CHECK(attributes(20, 0) == "");
  CHECK(attributes(33, 0) == "o");
  CHECK(attributes(45, 0) == "or");
  CHECK(attributes(60, 0) == "orm");
  CHECK(attributes(60, 16) == "orm");
  CHECK(attributes(600, 16) == "ormp");
  CHECK(attributes(600, 560) == "orm");
}

}  // namespace
}  // namespace sluice::stun_turn
