// The statistics of stun_turn: indices and names, next to each other.
#pragma once

#include <string_view>

#include "source/codec/stun_error.h"
#include "source/stats/schema.h"

namespace sluice::stun_turn {

enum class Drop {
  kMalformed,
  kBadFingerprint,
  kRateLimited,
  kNotAuthenticated,
  kUnsupportedMethod,
  kUnexpectedResponse,
  kUnknownAttribute,
  kAnonymousRefused,
  kTooManyAddresses,
  kReplayedCheck,
  kNoPacket,
  kAnswerTooLong,
  kNoAllocation,
  kNoChannel,
  kNoPermission,
  kPeerTaken,
  kBandwidth,
  kTooLong,
  kSendFailed,
};
inline constexpr std::string_view kDrops[] = {
    "malformed",         "bad_fingerprint",    "rate_limited",
    "not_authenticated", "unsupported_method", "unexpected_response",
    "unknown_attribute", "anonymous_refused",  "too_many_addresses",
    "replayed_check",    "no_packet",          "answer_too_long",
    "no_allocation",     "no_channel",         "no_permission",
    "peer_taken",        "bandwidth",          "too_long",
    "send_failed"};

// The first ones in the order of Verdict.
enum class Count {
  kAnonymous,
  kAuthenticated,
  kBadRequest,
  kUnauthorized,
  kUnknownAttribute,
  kRoleConflict,
  kConsentMoves,
  kAllocate,
  kRefresh,
  kCreatePermission,
  kChannelBind,
  kRepeated,
  kRefused300,
  kRefused400,
  kRefused401,
  kRefused403,
  kRefused420,
  kRefused437,
  kRefused438,
  kRefused440,
  kRefused441,
  kRefused442,
  kRefused443,
  kRefused486,
  kRefused508,
  kAllocations,
  kEndedByClient,
  kEndedExpired,
  kEndedSession,
  kLiveAllocations,
  kShortLifetimes,
  kSharedFallbacks,
  kToPeer,
  kToPeerBytes,
  kRelayedInside,
  kFromPeer,
  kFromPeerBytes,
  kIcmp,
};

inline constexpr std::string_view kRequestsHelp = "Binding requests, by verdict.";
inline constexpr std::string_view kTurnHelp = "TURN requests that were granted, by method.";
inline constexpr std::string_view kRefusedHelp = "TURN requests that were refused, by error code.";
inline constexpr std::string_view kEndedHelp = "Allocations that ended, by reason.";
inline constexpr stats::CounterSpec kCounters[] = {
    {"requests", kRequestsHelp, "result", "anonymous"},
    {"requests", kRequestsHelp, "result", "authenticated"},
    {"requests", kRequestsHelp, "result", "bad_request"},
    {"requests", kRequestsHelp, "result", "unauthorized"},
    {"requests", kRequestsHelp, "result", "unknown_attribute"},
    {"requests", kRequestsHelp, "result", "role_conflict"},
    {"consent_moves",
     "How often egress moved to an address pair that is checked, from one that is no longer checked."},
    {"turn_requests", kTurnHelp, "method", "allocate"},
    {"turn_requests", kTurnHelp, "method", "refresh"},
    {"turn_requests", kTurnHelp, "method", "create_permission"},
    {"turn_requests", kTurnHelp, "method", "channel_bind"},
    {"turn_repeated", "Retransmitted TURN requests that got the same response again."},
    {"turn_refused", kRefusedHelp, "code", "300"},
    {"turn_refused", kRefusedHelp, "code", "400"},
    {"turn_refused", kRefusedHelp, "code", "401"},
    {"turn_refused", kRefusedHelp, "code", "403"},
    {"turn_refused", kRefusedHelp, "code", "420"},
    {"turn_refused", kRefusedHelp, "code", "437"},
    {"turn_refused", kRefusedHelp, "code", "438"},
    {"turn_refused", kRefusedHelp, "code", "440"},
    {"turn_refused", kRefusedHelp, "code", "441"},
    {"turn_refused", kRefusedHelp, "code", "442"},
    {"turn_refused", kRefusedHelp, "code", "443"},
    {"turn_refused", kRefusedHelp, "code", "486"},
    {"turn_refused", kRefusedHelp, "code", "508"},
    {"allocations", "Allocations created."},
    {"allocations_ended", kEndedHelp, "reason", "client"},
    {"allocations_ended", kEndedHelp, "reason", "expired"},
    {"allocations_ended", kEndedHelp, "reason", "session"},
    {.name = "live_allocations", .help = "Current allocations.", .gauge = true},
    {"short_lifetimes", "Lifetimes reduced to the default because allocations are running out."},
    {"shared_fallbacks", "Relayed addresses on shared ports because no separate port was available."},
    {"relayed_to_peer", "Datagrams relayed from clients to peers."},
    {"relayed_to_peer_bytes", "Their payload."},
    {"relayed_inside", "Those of them that stayed inside the process."},
    {"relayed_from_peer", "Datagrams relayed from peers to clients."},
    {"relayed_from_peer_bytes", "Their payload."},
    {"icmp_reports", "ICMP errors that were reported to clients."},
};

// Refusals by the error code of the response.
struct Refusal {
  stun::ErrorCode code;
  Count count;
};
inline constexpr Refusal kRefusals[] = {
    {stun::ErrorCode::kTryAlternate, Count::kRefused300},
    {stun::ErrorCode::kBadRequest, Count::kRefused400},
    {stun::ErrorCode::kUnauthorized, Count::kRefused401},
    {stun::ErrorCode::kForbidden, Count::kRefused403},
    {stun::ErrorCode::kUnknownAttribute, Count::kRefused420},
    {stun::ErrorCode::kAllocationMismatch, Count::kRefused437},
    {stun::ErrorCode::kStaleNonce, Count::kRefused438},
    {stun::ErrorCode::kAddressFamilyNotSupported, Count::kRefused440},
    {stun::ErrorCode::kWrongCredentials, Count::kRefused441},
    {stun::ErrorCode::kUnsupportedTransportProtocol, Count::kRefused442},
    {stun::ErrorCode::kPeerAddressFamilyMismatch, Count::kRefused443},
    {stun::ErrorCode::kAllocationQuotaReached, Count::kRefused486},
    {stun::ErrorCode::kInsufficientCapacity, Count::kRefused508},
};

// The statistic of an error code in a TURN response.
constexpr Count refusalOf(stun::ErrorCode code) {
  for (const Refusal& refusal : kRefusals) {
    if (refusal.code == code) return refusal.count;
  }
  return Count::kRefused400;
}

}  // namespace sluice::stun_turn
