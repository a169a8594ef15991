#pragma once

#include "source/stats/typed_schema.h"

namespace sluice::forward {

enum class Drop { kNoSocket, kSendFailed, kUnmatchedReply };
enum class Count { kRefused, kFailover };
inline constexpr stats::Schema<Drop, Count> kSchema{
    .drops = {{Drop::kNoSocket, "no_socket"},
              {Drop::kSendFailed, "send_failed"},
              {Drop::kUnmatchedReply, "unmatched_reply"}},
    .counters = {{Count::kRefused, "upstream_refused", "ICMP errors received from an upstream."},
                 {Count::kFailover, "upstream_failovers",
                  "Sessions that moved to another endpoint because their own refused packets."}},
    .sockets = true};

// On one worker, by all sessions of the configured filter.
using Stats = stats::TypedStats<std::remove_cvref_t<decltype(kSchema)>>;

}  // namespace sluice::forward
