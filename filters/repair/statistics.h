// The statistics of repair, documented in docs/filters/repair.md.
#pragma once

#include "source/chain/typed_context.h"
#include "source/stats/typed_schema.h"

namespace sluice::repair {

enum class Drop { kMalformed, kDuplicate, kOld, kStray, kNoPacket, kLate };
enum class Count {
  kLost,
  kRequested,
  kRecoveredResent,
  kRecoveredRtx,
  kRecoveredRed,
  kRecoveredLate,
  kAsked,
  kResent,
  kResentRtx,
  kRefusedLate,
  kRefusedBudget,
  kRefusedRepeated,
  kRefusedUnknown,
  kRefusedRedundant,
  kRedOut,
  kBytesVoice,
  kBytesResent,
  kBytesRed,
};
enum class Record { kRecovery };

inline constexpr std::string_view kRecoveredHelp = "Missing packets of speakers that were recovered.";
inline constexpr std::string_view kResentHelp = "Packets that were retransmitted to receivers.";
inline constexpr std::string_view kBytesHelp =
    "Bytes of RTP to receivers: of voice as it arrived here, of retransmitted packets, of earlier frames.";
inline constexpr std::string_view kRefusedHelp = "Retransmission requests of receivers that were refused.";

inline constexpr stats::Schema<Drop, Count, Record> kSchema{
    .drops = {{Drop::kMalformed, "malformed"},
              {Drop::kDuplicate, "duplicate"},
              {Drop::kOld, "old"},
              {Drop::kStray, "stray"},
              {Drop::kNoPacket, "no_packet"},
              {Drop::kLate, "late"}},
    .counters = {{Count::kLost, "lost", "Packets of speakers that were missing when later ones arrived."},
                 {Count::kRequested, "requested", "Requests to speakers for a missing packet."},
                 {Count::kRecoveredResent, "recovered", kRecoveredHelp, "by", "resent"},
                 {Count::kRecoveredRtx, "recovered", kRecoveredHelp, "by", "rtx"},
                 {Count::kRecoveredRed, "recovered", kRecoveredHelp, "by", "red"},
                 {Count::kRecoveredLate, "recovered_late",
                  "Missing packets of speakers that arrived later than the budget."},
                 {Count::kAsked, "asked", "Packets that receivers requested."},
                 {Count::kResent, "resent", kResentHelp, "as", "original"},
                 {Count::kResentRtx, "resent", kResentHelp, "as", "rtx"},
                 {Count::kRefusedLate, "refused", kRefusedHelp, "reason", "late"},
                 {Count::kRefusedBudget, "refused", kRefusedHelp, "reason", "budget"},
                 {Count::kRefusedRepeated, "refused", kRefusedHelp, "reason", "repeated"},
                 {Count::kRefusedUnknown, "refused", kRefusedHelp, "reason", "unknown"},
                 {Count::kRefusedRedundant, "refused", kRefusedHelp, "reason", "redundant"},
                 {Count::kRedOut, "red_out", "Packets to receivers that carry earlier frames."},
                 {Count::kBytesVoice, "bytes", kBytesHelp, "of", "voice"},
                 {Count::kBytesResent, "bytes", kBytesHelp, "of", "resent"},
                 {Count::kBytesRed, "bytes", kBytesHelp, "of", "red"}},
    .histograms = {{Record::kRecovery, "recovery", "Lateness of recovered packets of speakers."}}};

using Context = chain::TypedContext<std::remove_cvref_t<decltype(kSchema)>>;

}  // namespace sluice::repair
