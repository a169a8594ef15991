// The error codes of STUN (RFC 8489 section 14.8), ICE (RFC 8445) and TURN (RFC 8656 section 19) that this
// server sends.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice::stun {

enum class ErrorCode : uint16_t {
  kTryAlternate = 300,
  kBadRequest = 400,
  kUnauthorized = 401,  // "Unauthenticated" in RFC 8489
  kForbidden = 403,
  kUnknownAttribute = 420,
  kAllocationMismatch = 437,
  kStaleNonce = 438,
  kAddressFamilyNotSupported = 440,
  kWrongCredentials = 441,
  kUnsupportedTransportProtocol = 442,
  kPeerAddressFamilyMismatch = 443,
  kAllocationQuotaReached = 486,
  kRoleConflict = 487,
  kInsufficientCapacity = 508,
};

struct ErrorSpec {
  ErrorCode code;
  std::string_view reason;  // the reason phrase
};

inline constexpr ErrorSpec kErrors[] = {
    {ErrorCode::kTryAlternate, "Try Alternate"},
    {ErrorCode::kBadRequest, "Bad Request"},
    {ErrorCode::kUnauthorized, "Unauthorized"},  // RFC 5389's phrase: it is shorter
    {ErrorCode::kForbidden, "Forbidden"},
    {ErrorCode::kUnknownAttribute, "Unknown Attribute"},
    {ErrorCode::kAllocationMismatch, "Allocation Mismatch"},
    {ErrorCode::kStaleNonce, "Stale Nonce"},
    {ErrorCode::kAddressFamilyNotSupported, "Address Family not Supported"},
    {ErrorCode::kWrongCredentials, "Wrong Credentials"},
    {ErrorCode::kUnsupportedTransportProtocol, "Unsupported Transport Protocol"},
    {ErrorCode::kPeerAddressFamilyMismatch, "Peer Address Family Mismatch"},
    {ErrorCode::kAllocationQuotaReached, "Allocation Quota Reached"},
    {ErrorCode::kRoleConflict, "Role Conflict"},
    {ErrorCode::kInsufficientCapacity, "Insufficient Capacity"},
};

// Empty for a code that is not in the table.
constexpr std::string_view reasonOf(ErrorCode code) {
  for (const ErrorSpec& error : kErrors) {
    if (error.code == code) return error.reason;
  }
  return {};
}

}  // namespace sluice::stun
