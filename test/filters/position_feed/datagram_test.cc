#include "filters/position_feed/datagram.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "test/filters/position_feed/sender.h"
#include "test/support/hex.h"

namespace sluice::position_feed {
namespace {

using audibility::Vector3;
using test::SentPlayer;

constexpr double kPi = std::numbers::pi;
constexpr size_t kHeader = 24, kMac = 32;

// The example of docs/filters/position_feed.md; encoders_test compares it with the page.
const std::vector<uint8_t> kExample = test::hex(
    "53 4c 50 46 01 07 00 00 69 55 b9 00 00 00 00 01 00 00 01 9b 76 da a8 7b 05 6c 6f 62 62 79 00 03"
    "03 03 61 6e 6e 3f c0 00 00 c0 00 00 00 49 74 24 00 40 00 ea ab 01 03 62 65 6e 00 00 00 00 3d cc"
    "cc cd bd cc cc cd 02 03 65 76 65 80 00 00 00 c2 b4 9c 27 f0 bb ff d6 d1 63 61 77 23 a8 d3 87 98"
    "83 52 6c 52 ac fa 11 f1 87 2b 0b b5 c4 a6 62");

void checkClose(const std::optional<Vector3>& value, const Vector3& expected) {
  REQUIRE(value.has_value());
  CHECK(value->x == doctest::Approx(expected.x).epsilon(1e-4));
  CHECK(value->y == doctest::Approx(expected.y).epsilon(1e-4));
  CHECK(value->z == doctest::Approx(expected.z).epsilon(1e-4));
}

// A datagram with this body.
std::vector<uint8_t> withBody(Bytes body) {
  std::vector<uint8_t> datagram(kExample.begin(), kExample.begin() + kHeader);
  datagram.insert(datagram.end(), body.begin(), body.end());
  datagram.resize(datagram.size() + kMac);
  return datagram;
}
BodyError errorOf(Bytes body) {
  const std::vector<uint8_t> datagram = withBody(body);
  Body out;
  return readBody(datagram, out);
}
Bytes exampleBody() {
  return Bytes(kExample).subspan(kHeader, kExample.size() - kHeader - kMac);
}

TEST_CASE("the example of the documentation is read") {
  const auto header = readHeader(kExample);
  REQUIRE(header.has_value());
  CHECK(header->version == kVersion);
  CHECK(header->key == 7);
  CHECK(header->sequence == (uint64_t{1767225600} << 32) + 1);
  CHECK(header->time_ms == 1767225600123);
  CHECK(isAuthentic(kExample, "an example of a secret"));
  CHECK_FALSE(isAuthentic(kExample, "another example of one"));
  Body body;
  REQUIRE(readBody(kExample, body) == BodyError::kNone);
  CHECK(body.room == "lobby");
  REQUIRE(body.players.size() == 3);
  const auto& [ann, ben, eve] = std::tie(body.players[0], body.players[1], body.players[2]);
  CHECK(ann.player == "ann");
  CHECK(ann.position == Vector3{1.5F, -2, 1e6F});
  checkClose(ann.forward, {-std::sqrt(0.75F), -0.5F, 0});
  checkClose(ann.up, {-0.5F, std::sqrt(0.75F), 0});
  CHECK(ben.player == "ben");
  CHECK(ben.position == Vector3{0, 0.1F, -0.1F});
  CHECK_FALSE(ben.forward.has_value());
  CHECK_FALSE(ben.up.has_value());
  CHECK(eve.player == "eve");
  CHECK_FALSE(eve.position.has_value());
  checkClose(eve.forward, {0, 0, 1});
  checkClose(eve.up, {0, 1, 0});
}

TEST_CASE("yaw turns about the y axis, pitch raises the view") {
  struct Case {
    double yaw, pitch;
    Vector3 forward, up;
  };
  ManualClock clock;
  test::Sender sender(clock);
  for (const Case& c : {Case{0, 0, {0, 0, -1}, {0, 1, 0}}, Case{kPi / 2, 0, {-1, 0, 0}, {0, 1, 0}},
                        Case{-kPi / 2, 0, {1, 0, 0}, {0, 1, 0}}, Case{5 * kPi, 0, {0, 0, 1}, {0, 1, 0}},
                        Case{0, kPi / 2, {0, 1, 0}, {0, 0, 1}}, Case{0, -kPi / 2, {0, -1, 0}, {0, 0, -1}},
                        Case{kPi / 2, kPi / 2, {0, 1, 0}, {1, 0, 0}}}) {
    CAPTURE(c.yaw);
    CAPTURE(c.pitch);
    const auto datagram = sender.datagram({{"ann", std::nullopt, {{c.yaw, c.pitch}}}});
    Body body;
    REQUIRE(readBody(datagram, body) == BodyError::kNone);
    checkClose(body.players[0].forward, c.forward);
    checkClose(body.players[0].up, c.up);
  }
}

TEST_CASE("what is no header of a feed is recognized") {
  for (const size_t at : {0, 1, 2, 3, 6, 7}) {
    std::vector<uint8_t> datagram = kExample;
    datagram[at] ^= 1;
    CHECK_FALSE(readHeader(datagram).has_value());
  }
  for (size_t size = 0; size < 60; ++size) CHECK_FALSE(readHeader(Bytes(kExample).first(size)).has_value());
  CHECK(readHeader(Bytes(kExample).first(60)).has_value());
}

TEST_CASE("every byte of a datagram is authenticated") {
  for (size_t at = 0; at < kExample.size(); ++at) {
    std::vector<uint8_t> datagram = kExample;
    datagram[at] ^= 0x40;
    CHECK_FALSE(isAuthentic(datagram, "an example of a secret"));
  }
}

TEST_CASE("the encoder's HMAC is right for every length") {
  ManualClock clock;
  for (const size_t secret_size : {16, 63, 64, 65, 200}) {
    const std::string secret(secret_size, 's');
    test::Sender sender(clock, 3, secret);
    for (size_t size = 1; size <= 64; ++size) {
      const auto datagram = sender.datagram({{std::string(size, 'p')}, {"ben"}});
      CHECK(isAuthentic(datagram, secret));
      Body body;
      REQUIRE(readBody(datagram, body) == BodyError::kNone);
      CHECK(body.players[0].player.size() == size);
    }
  }
}

TEST_CASE("a body that is cut or too long, and each wrong value in it, is malformed") {
  const Bytes whole = exampleBody();
  REQUIRE(errorOf(whole) == BodyError::kNone);
  for (size_t size = 4; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK(errorOf(whole.first(size)) == BodyError::kMalformed);
  }
  for (const char* body : {
           "00 00 00 00",                                // no room
           "41 00 00 00",                                // a room of 65 bytes
           "01 72 00 01",                                // a player is missing
           "01 72 ff ff 02 01 61 00 00 00 00",           // 65534 are
           "01 72 00 00 00",                             // one byte too many
           "01 72 00 01 02 01 61 00 00 00 00 00",        // likewise
           "01 72 00 01 00 01 61 00 00 00 00",           // neither a position nor a direction
           "01 72 00 01 04 01 61 00 00 00 00",           // an unknown flag
           "01 72 00 01 82 01 61 00 00 00 00",           // likewise
           "01 72 00 01 02 00 61 00 00 00 00",           // no player
           "01 72 00 01 02 41 61 00 00 00 00",           // a player of 65 bytes
           "01 72 00 02 02 01 61 00 00 00 00 02 01 62",  // the second record is cut
       }) {
    CAPTURE(body);
    CHECK(errorOf(test::hex(body)) == BodyError::kMalformed);
  }
  CHECK(errorOf(test::hex("01 72 00 00")) == BodyError::kNone);
  CHECK(errorOf(test::hex("01 72 00 01 02 01 61 00 00 00 00")) == BodyError::kNone);
}

TEST_CASE("a coordinate that is not in the world is refused") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  ManualClock clock;
  test::Sender sender(clock);
  struct Case {
    float value;
    BodyError error;
  };
  for (const Case& c :
       {Case{1e7F, BodyError::kNone}, Case{-1e7F, BodyError::kNone},
        Case{1.0000001e7F, BodyError::kWrongPosition}, Case{-2e7F, BodyError::kWrongPosition},
        Case{kInfinity, BodyError::kWrongPosition}, Case{-kInfinity, BodyError::kWrongPosition},
        Case{std::nanf(""), BodyError::kWrongPosition}}) {
    CAPTURE(c.value);
    for (size_t axis = 0; axis < 3; ++axis) {
      std::array<float, 3> position{};
      position[axis] = c.value;
      Body body;
      CHECK(readBody(sender.datagram({{"ben"}, {"ann", position}}), body) == c.error);
    }
  }
}

}  // namespace
}  // namespace sluice::position_feed
