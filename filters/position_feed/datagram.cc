#include "filters/position_feed/datagram.h"

#include <bit>
#include <cmath>
#include <numbers>

#include "source/audibility/limits.h"
#include "source/crypto/hmac.h"

namespace sluice::position_feed {
namespace {

constexpr uint32_t kMagic = 0x534c5046;  // "SLPF"
constexpr size_t kHeaderSize = 24;
constexpr size_t kMacSize = 32;
constexpr size_t kMinBody = 4;                    // a room of one byte and no players
constexpr size_t kMinRecord = 7;                  // a player of one byte and a direction
constexpr size_t kMaxName = 64;                   // of rooms and players
constexpr uint8_t kPosition = 1, kDirection = 2;  // flags of a record
constexpr float kAngle = std::numbers::pi_v<float> / 32768;

using audibility::PlayerMove;
using audibility::Vector3;

// Reads values one after another. Once one of them is missing, ok() is false and all of them are 0.
class Reader {
 public:
  explicit Reader(Bytes bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  size_t left() const { return rest_.size(); }
  uint8_t u8() {
    const Bytes bytes = take(1);
    return ok_ ? bytes[0] : uint8_t{0};
  }
  uint16_t u16() {
    const Bytes bytes = take(2);
    return ok_ ? readU16(bytes.data()) : uint16_t{0};
  }
  float f32() {
    const Bytes bytes = take(4);
    return ok_ ? std::bit_cast<float>(readU32(bytes.data())) : 0;
  }
  float angle() { return static_cast<float>(static_cast<int16_t>(u16())) * kAngle; }
  // A length of 1 to kMaxName in one byte, and as many bytes.
  std::string_view name() {
    const size_t length = u8();
    if (length == 0 || length > kMaxName) ok_ = false;
    return asText(take(length));
  }

 private:
  Bytes take(size_t size) {
    if (size > rest_.size()) ok_ = false;
    if (!ok_) return {};
    const Bytes taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

  Bytes rest_;
  bool ok_ = true;
};

bool isInWorld(const Vector3& position) {
  for (const float value : {position.x, position.y, position.z}) {
    if (!(std::abs(value) <= audibility::kMaxCoordinate)) return false;  // NaN fails too
  }
  return true;
}

void look(float yaw, float pitch, PlayerMove& out) {
  const float sin_yaw = std::sin(yaw), cos_yaw = std::cos(yaw);
  const float sin_pitch = std::sin(pitch), cos_pitch = std::cos(pitch);
  out.forward = Vector3{-sin_yaw * cos_pitch, sin_pitch, -cos_yaw * cos_pitch};
  out.up = Vector3{sin_yaw * sin_pitch, cos_pitch, cos_yaw * sin_pitch};
}

}  // namespace

std::optional<Header> readHeader(Bytes datagram) {
  if (datagram.size() < kHeaderSize + kMinBody + kMacSize) return std::nullopt;
  const uint8_t* at = datagram.data();
  if (readU32(at) != kMagic || readU16(at + 6) != 0) return std::nullopt;
  return Header{.version = at[4], .key = at[5], .sequence = readU64(at + 8), .time_ms = readU64(at + 16)};
}

bool isAuthentic(Bytes datagram, std::string_view secret) {
  uint8_t mac[kMacSize];
  crypto::hmacSha256(asBytes(secret), datagram.first(datagram.size() - kMacSize), mac);
  return constantTimeEqual(mac, datagram.last(kMacSize));
}

BodyError readBody(Bytes datagram, Body& out) {
  Reader in(datagram.subspan(kHeaderSize, datagram.size() - kHeaderSize - kMacSize));
  out.room = in.name();
  const size_t count = in.u16();
  if (!in.ok() || count > in.left() / kMinRecord) return BodyError::kMalformed;
  out.players.resize(count);
  for (PlayerMove& move : out.players) {
    const uint8_t flags = in.u8();
    if (flags == 0 || flags > (kPosition | kDirection)) return BodyError::kMalformed;
    move.player = in.name();
    if ((flags & kPosition) != 0) {
      move.position.emplace();
      for (float* value : {&move.position->x, &move.position->y, &move.position->z}) *value = in.f32();
      if (!isInWorld(*move.position)) return BodyError::kWrongPosition;
    }
    if ((flags & kDirection) != 0) {
      const float yaw = in.angle(), pitch = in.angle();
      look(yaw, pitch, move);
    }
    if (!in.ok()) return BodyError::kMalformed;
  }
  return in.left() == 0 ? BodyError::kNone : BodyError::kMalformed;
}

}  // namespace sluice::position_feed
