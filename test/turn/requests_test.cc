#include "source/turn/requests.h"

#include <doctest/doctest.h>

#include <functional>
#include <vector>

#include "source/codec/stun_writer.h"
#include "source/turn/allocation.h"
#include "source/turn/wire.h"

namespace sluice::turn {
namespace {

using stun::ErrorCode;
using Fill = std::function<void(stun::Writer&)>;

std::vector<uint8_t> messageWith(const Fill& fill) {
  std::vector<uint8_t> bytes(stun::kMaxMessage);
  stun::Writer writer(bytes, stun::kAllocate, stun::Class::kRequest, {1});
  fill(writer);
  bytes.resize(writer.finish().value());
  return bytes;
}

struct Parsed {
  std::optional<ErrorCode> error;
  AllocateRequest request{};
};

// An Allocate request for UDP with further attributes.
Parsed allocate(const Fill& fill) {
  const auto bytes = messageWith([&](stun::Writer& writer) {
    writer.addU32(stun::kRequestedTransport, uint32_t{kUdp} << 24);
    fill(writer);
  });
  Parsed parsed;
  parsed.error = parseAllocate(*stun::parse(bytes), parsed.request);
  return parsed;
}

void evenPort(stun::Writer& writer, uint8_t bits) {
  writer.add(stun::kEvenPort, Bytes(&bits, 1));
}
void family(stun::Writer& writer, uint8_t number, uint16_t type = stun::kRequestedAddressFamily) {
  writer.addU32(type, uint32_t{number} << 24);
}
void token(stun::Writer& writer) {
  writer.add(stun::kReservationToken, "12345678");
}

TEST_CASE("RFC 8656 7.2: an Allocate request without a family requests IPv4") {
  const Parsed parsed = allocate([](stun::Writer&) {});
  CHECK_FALSE(parsed.error);
  CHECK(parsed.request.v4);
  CHECK_FALSE(parsed.request.v6);
  CHECK_FALSE(parsed.request.even);
  CHECK_FALSE(parsed.request.reserve);
  CHECK_FALSE(parsed.request.token);
}

TEST_CASE("RFC 8656 7.2: REQUESTED-TRANSPORT is required, and must be UDP") {
  const auto error = [](const Fill& fill) {
    AllocateRequest request;
    return parseAllocate(*stun::parse(messageWith(fill)), request);
  };
  CHECK(error([](stun::Writer&) {}) == ErrorCode::kBadRequest);
  CHECK(error([](stun::Writer& writer) { writer.add(stun::kRequestedTransport, "\x11"); }) ==
        ErrorCode::kBadRequest);
  CHECK(error([](stun::Writer& writer) { writer.addU32(stun::kRequestedTransport, 6u << 24); }) ==
        ErrorCode::kUnsupportedTransportProtocol);
}

TEST_CASE("RFC 8656 7.2: the address families") {
  const Parsed v6 = allocate([](stun::Writer& writer) { family(writer, 2); });
  CHECK((!v6.error && !v6.request.v4 && v6.request.v6));
  const Parsed both =
      allocate([](stun::Writer& writer) { family(writer, 2, stun::kAdditionalAddressFamily); });
  CHECK((!both.error && both.request.v4 && both.request.v6));
  CHECK(allocate([](stun::Writer& writer) { family(writer, 3); }).error ==
        ErrorCode::kAddressFamilyNotSupported);
  CHECK(allocate([](stun::Writer& writer) { family(writer, 1, stun::kAdditionalAddressFamily); }).error ==
        ErrorCode::kBadRequest);
  const auto two = [](stun::Writer& writer) {
    family(writer, 1);
    family(writer, 2, stun::kAdditionalAddressFamily);
  };
  CHECK(allocate(two).error == ErrorCode::kBadRequest);
}

TEST_CASE("RFC 8656 7.2: EVEN-PORT may reserve the next higher port, for one family only") {
  const Parsed even = allocate([](stun::Writer& writer) { evenPort(writer, 0); });
  CHECK((!even.error && even.request.even && !even.request.reserve));
  const Parsed pair = allocate([](stun::Writer& writer) { evenPort(writer, 0x80); });
  CHECK((!pair.error && pair.request.even && pair.request.reserve));
  for (const uint8_t bits : {uint8_t{0}, uint8_t{0x80}}) {
    const Parsed dual = allocate([&](stun::Writer& writer) {
      evenPort(writer, bits);
      family(writer, 2, stun::kAdditionalAddressFamily);
    });
    CHECK(dual.error.has_value() == (bits == 0x80));
  }
  CHECK(allocate([](stun::Writer& writer) { writer.addU32(stun::kEvenPort, 0); }).error ==
        ErrorCode::kBadRequest);
}

TEST_CASE("RFC 8656 7.2: RESERVATION-TOKEN excludes the other attributes") {
  const Parsed parsed = allocate(token);
  CHECK_FALSE(parsed.error);
  CHECK(parsed.request.token);
  CHECK_FALSE(parsed.request.v4);
  const Fill others[] = {[](stun::Writer& writer) { evenPort(writer, 0); },
                         [](stun::Writer& writer) { family(writer, 1); },
                         [](stun::Writer& writer) { family(writer, 2, stun::kAdditionalAddressFamily); }};
  for (const Fill& other : others) {
    const Parsed both = allocate([&](stun::Writer& writer) {
      token(writer);
      other(writer);
    });
    CHECK(both.error == ErrorCode::kBadRequest);
  }
  CHECK(allocate([](stun::Writer& writer) { writer.add(stun::kReservationToken, "short"); }).error ==
        ErrorCode::kBadRequest);
}

TEST_CASE("RFC 8656 12.2: ChannelBind needs a channel of the range, and a peer with a port") {
  const auto bind = [](uint32_t channel, uint16_t port, uint16_t last = Allocation::kLastChannel) {
    const auto bytes = messageWith([&](stun::Writer& writer) {
      writer.addU32(stun::kChannelNumber, channel << 16);
      writer.addXorAddress(stun::kXorPeerAddress, {.ip = {192, 0, 2, 1}, .ip_length = 4, .port = port});
    });
    return parseChannelBind(*stun::parse(bytes), last);
  };
  const auto request = bind(0x4000, 7000);
  REQUIRE(request);
  CHECK(request->channel == 0x4000);
  CHECK(request->peer == *net::Address::parse("192.0.2.1:7000"));
  CHECK_FALSE(bind(0x4000, 0));
  CHECK_FALSE(bind(0x3FFF, 7000));
  CHECK(bind(0x4FFF, 7000));
  CHECK_FALSE(bind(0x5000, 7000));
  CHECK(bind(0x7FFF, 7000, Allocation::kLastOldChannel));
  const auto missing = [](const Fill& fill) {
    return !parseChannelBind(*stun::parse(messageWith(fill)), Allocation::kLastChannel);
  };
  CHECK(missing([](stun::Writer&) {}));
  CHECK(missing([](stun::Writer& writer) { writer.addU32(stun::kChannelNumber, 0x40000000); }));
}

TEST_CASE("wire: addresses of both families are converted without change") {
  for (const char* text : {"192.0.2.1:7000", "[2001:db8::1]:7000"}) {
    const net::Address address = *net::Address::parse(text);
    CHECK(fromStun(toStun(address)) == address);
  }
  CHECK(inSeconds(1999ms) == 1);
}

}  // namespace
}  // namespace sluice::turn
