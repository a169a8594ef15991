// The statistics of stun_turn: indices and names, next to each other.
#pragma once

#include <string_view>

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

// The statistic of an error code in a TURN response.
constexpr Count refusalOf(unsigned code) {
  switch (code) {
    case 300:
      return Count::kRefused300;
    case 401:
      return Count::kRefused401;
    case 403:
      return Count::kRefused403;
    case 420:
      return Count::kRefused420;
    case 437:
      return Count::kRefused437;
    case 438:
      return Count::kRefused438;
    case 440:
      return Count::kRefused440;
    case 441:
      return Count::kRefused441;
    case 442:
      return Count::kRefused442;
    case 443:
      return Count::kRefused443;
    case 486:
      return Count::kRefused486;
    case 508:
      return Count::kRefused508;
    default:
      return Count::kRefused400;
  }
}

}  // namespace sluice::stun_turn
