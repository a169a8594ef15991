// The datagrams of a position feed, without I/O. docs/filters/position_feed.md specifies them byte by byte.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "source/audibility/position_update.h"
#include "source/base/bytes.h"

namespace sluice::position_feed {

inline constexpr uint8_t kVersion = 1;

struct Header {
  uint8_t version = 0;
  uint8_t key = 0;
  uint64_t sequence = 0;
  uint64_t time_ms = 0;  // since 1970
};

// nullopt: these are not the first bytes of a feed's datagram, or it is too short for any version. Does not
// check the version.
std::optional<Header> readHeader(Bytes datagram);

// True if the datagram ends with the HMAC-SHA256 of what precedes it. The datagram has a header.
bool isAuthentic(Bytes datagram, std::string_view secret);

struct Body {
  std::string_view room{};
  std::vector<audibility::PlayerMove> players{};
};

enum class BodyError {
  kNone,
  kMalformed,      // the records do not fill the datagram exactly, or one of them is not valid
  kWrongPosition,  // a coordinate is not a number, or exceeds audibility::kMaxCoordinate
};

// Reads what is between the header and the HMAC into `out`, which is only valid if the result is kNone. Its
// views refer to the datagram.
BodyError readBody(Bytes datagram, Body& out);

}  // namespace sluice::position_feed
