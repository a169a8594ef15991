// The statistics of stun_turn.
#pragma once

#include <string_view>

#include "source/chain/typed_context.h"
#include "source/codec/stun_error.h"
#include "source/stats/typed_schema.h"

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
inline constexpr stats::Schema<Drop, Count> kSchema{
    .drops = {{Drop::kMalformed, "malformed"},
              {Drop::kBadFingerprint, "bad_fingerprint"},
              {Drop::kRateLimited, "rate_limited"},
              {Drop::kNotAuthenticated, "not_authenticated"},
              {Drop::kUnsupportedMethod, "unsupported_method"},
              {Drop::kUnexpectedResponse, "unexpected_response"},
              {Drop::kUnknownAttribute, "unknown_attribute"},
              {Drop::kAnonymousRefused, "anonymous_refused"},
              {Drop::kTooManyAddresses, "too_many_addresses"},
              {Drop::kReplayedCheck, "replayed_check"},
              {Drop::kNoPacket, "no_packet"},
              {Drop::kAnswerTooLong, "answer_too_long"},
              {Drop::kNoAllocation, "no_allocation"},
              {Drop::kNoChannel, "no_channel"},
              {Drop::kNoPermission, "no_permission"},
              {Drop::kPeerTaken, "peer_taken"},
              {Drop::kBandwidth, "bandwidth"},
              {Drop::kTooLong, "too_long"},
              {Drop::kSendFailed, "send_failed"}},
    .counters = {{Count::kAnonymous, "requests", kRequestsHelp, "result", "anonymous"},
                 {Count::kAuthenticated, "requests", kRequestsHelp, "result", "authenticated"},
                 {Count::kBadRequest, "requests", kRequestsHelp, "result", "bad_request"},
                 {Count::kUnauthorized, "requests", kRequestsHelp, "result", "unauthorized"},
                 {Count::kUnknownAttribute, "requests", kRequestsHelp, "result", "unknown_attribute"},
                 {Count::kRoleConflict, "requests", kRequestsHelp, "result", "role_conflict"},
                 {Count::kConsentMoves, "consent_moves",
                  "Moves of egress to an address pair that is checked, from one that is no longer checked."},
                 {Count::kAllocate, "turn_requests", kTurnHelp, "method", "allocate"},
                 {Count::kRefresh, "turn_requests", kTurnHelp, "method", "refresh"},
                 {Count::kCreatePermission, "turn_requests", kTurnHelp, "method", "create_permission"},
                 {Count::kChannelBind, "turn_requests", kTurnHelp, "method", "channel_bind"},
                 {Count::kRepeated, "turn_repeated",
                  "Retransmitted TURN requests that got the same response again."},
                 {Count::kRefused300, "turn_refused", kRefusedHelp, "code", "300"},
                 {Count::kRefused400, "turn_refused", kRefusedHelp, "code", "400"},
                 {Count::kRefused401, "turn_refused", kRefusedHelp, "code", "401"},
                 {Count::kRefused403, "turn_refused", kRefusedHelp, "code", "403"},
                 {Count::kRefused420, "turn_refused", kRefusedHelp, "code", "420"},
                 {Count::kRefused437, "turn_refused", kRefusedHelp, "code", "437"},
                 {Count::kRefused438, "turn_refused", kRefusedHelp, "code", "438"},
                 {Count::kRefused440, "turn_refused", kRefusedHelp, "code", "440"},
                 {Count::kRefused441, "turn_refused", kRefusedHelp, "code", "441"},
                 {Count::kRefused442, "turn_refused", kRefusedHelp, "code", "442"},
                 {Count::kRefused443, "turn_refused", kRefusedHelp, "code", "443"},
                 {Count::kRefused486, "turn_refused", kRefusedHelp, "code", "486"},
                 {Count::kRefused508, "turn_refused", kRefusedHelp, "code", "508"},
                 {Count::kAllocations, "allocations", "Allocations created."},
                 {Count::kEndedByClient, "allocations_ended", kEndedHelp, "reason", "client"},
                 {Count::kEndedExpired, "allocations_ended", kEndedHelp, "reason", "expired"},
                 {Count::kEndedSession, "allocations_ended", kEndedHelp, "reason", "session"},
                 {Count::kLiveAllocations,
                  {.name = "live_allocations", .help = "Current allocations.", .gauge = true}},
                 {Count::kShortLifetimes, "short_lifetimes",
                  "Lifetimes reduced to the default because allocations are running out."},
                 {Count::kSharedFallbacks, "shared_fallbacks",
                  "Relayed addresses on shared ports because no separate port was available."},
                 {Count::kToPeer, "relayed_to_peer", "Datagrams relayed from clients to peers."},
                 {Count::kToPeerBytes, "relayed_to_peer_bytes", "Their payload."},
                 {Count::kRelayedInside, "relayed_inside",
                  "Datagrams from clients that were relayed by hairpin delivery."},
                 {Count::kFromPeer, "relayed_from_peer", "Datagrams relayed from peers to clients."},
                 {Count::kFromPeerBytes, "relayed_from_peer_bytes", "Their payload."},
                 {Count::kIcmp, "icmp_reports", "ICMP errors that were reported to clients."}},
    .sockets = true};

using Context = chain::TypedContext<std::remove_cvref_t<decltype(kSchema)>>;

// The statistic of an error code in a TURN response: the one whose label is the code.
constexpr Count refusalOf(stun::ErrorCode code) {
  const auto number = static_cast<unsigned>(code);
  for (auto count = Count::kRefused300; count <= Count::kRefused508;
       count = Count{static_cast<int>(count) + 1}) {
    const std::string_view label = kSchema.counters[count].value;
    if (number == (label[0] - '0') * 100u + (label[1] - '0') * 10u + (label[2] - '0')) return count;
  }
  return Count::kRefused400;
}
static_assert(refusalOf(stun::ErrorCode::kForbidden) == Count::kRefused403);

}  // namespace sluice::stun_turn
