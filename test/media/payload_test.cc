#include "source/media/payload.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "source/net/packet_pool.h"

namespace sluice {
namespace {

constexpr uint8_t kOpus = 111, kRed = 63;

// An RTP packet whose payload bytes count up.
struct Fixture {
  explicit Fixture(size_t payload) {
    std::vector<uint8_t> bytes(rtp::kHeaderSize + payload);
    rtp::write({.payload_type = kRed, .sequence = 7, .timestamp = 960, .ssrc = 5}, bytes.data());
    for (size_t i = 0; i < payload; ++i) bytes[rtp::kHeaderSize + i] = static_cast<uint8_t>(i);
    REQUIRE(packet->assign(bytes));
  }
  ~Fixture() { packet->settle(); }
  rtp::Packet rtp() const { return rtp::parse(packet->data()).value(); }

  net::PacketPool pool{1};
  net::PacketPtr packet = pool.acquire();
};

TEST_CASE("payload: a cut removes the payload's beginning and keeps the header") {
  Fixture f(100);
  media::cutPayload(*f.packet, f.rtp(), 40, kOpus);
  CHECK(f.rtp().payload_type == kOpus);
  CHECK(f.rtp().sequence == 7);
  REQUIRE(f.rtp().payload.size() == 60);
  CHECK(f.rtp().payload[0] == 40);
}

TEST_CASE("payload: growing makes room before the payload") {
  Fixture f(100);
  uint8_t* const front = media::growPayload(*f.packet, f.rtp(), 2, kOpus);
  REQUIRE(front != nullptr);
  std::fill(front, front + 2, uint8_t{0xAA});
  REQUIRE(f.rtp().payload.size() == 102);
  CHECK(f.rtp().payload[1] == 0xAA);
  CHECK(f.rtp().payload[2] == 0);
}

TEST_CASE("a packet does not grow beyond the largest datagram") {
  Fixture f(1400);
  CHECK(media::growPayload(*f.packet, f.rtp(), net::Packet::kMaxPayload, kOpus) == nullptr);
  CHECK(f.rtp().payload.size() == 1400);
}

TEST_CASE("a packet that was cut does not grow beyond the end of its block") {
  Fixture f(1400);
  media::cutPayload(*f.packet, f.rtp(), 1300, kOpus);
  const size_t room = f.packet->tailroom();
  CHECK(media::growPayload(*f.packet, f.rtp(), room + 1, kRed) == nullptr);
  CHECK(f.rtp().payload.size() == 100);
  CHECK(media::growPayload(*f.packet, f.rtp(), room, kRed) != nullptr);
  CHECK(f.packet->tailroom() == 0);
}

}  // namespace
}  // namespace sluice
