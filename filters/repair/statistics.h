// The statistics of repair, documented in docs/filters/repair.md.
#pragma once

#include "source/stats/schema.h"

namespace sluice::repair {

enum class Drop { kMalformed, kDuplicate, kOld, kStray, kNoPacket, kLate };
inline constexpr std::string_view kDrops[] = {"malformed", "duplicate", "old", "stray", "no_packet", "late"};

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
inline constexpr std::string_view kRecoveredHelp = "Missing packets of speakers that were recovered.";
inline constexpr std::string_view kResentHelp = "Packets that were retransmitted to receivers.";
inline constexpr std::string_view kBytesHelp =
    "Bytes of RTP to receivers: of voice as it arrived here, of retransmitted packets, of earlier frames.";
inline constexpr std::string_view kRefusedHelp = "Retransmission requests of receivers that were refused.";
inline constexpr stats::CounterSpec kCounters[] = {
    {"lost", "Packets of speakers that were missing when later ones arrived."},
    {"requested", "Requests to speakers for a missing packet."},
    {"recovered", kRecoveredHelp, "by", "resent"},
    {"recovered", kRecoveredHelp, "by", "rtx"},
    {"recovered", kRecoveredHelp, "by", "red"},
    {"recovered_late", "Missing packets of speakers that arrived later than the budget."},
    {"asked", "Packets that receivers requested."},
    {"resent", kResentHelp, "as", "original"},
    {"resent", kResentHelp, "as", "rtx"},
    {"refused", kRefusedHelp, "reason", "late"},
    {"refused", kRefusedHelp, "reason", "budget"},
    {"refused", kRefusedHelp, "reason", "repeated"},
    {"refused", kRefusedHelp, "reason", "unknown"},
    {"refused", kRefusedHelp, "reason", "redundant"},
    {"red_out", "Packets to receivers that carry earlier frames."},
    {"bytes", kBytesHelp, "of", "voice"},
    {"bytes", kBytesHelp, "of", "resent"},
    {"bytes", kBytesHelp, "of", "red"},
};

enum class Record { kRecovery };
inline constexpr stats::HistogramSpec kHistograms[] = {
    {"recovery", "How much later than expected missing packets of speakers arrived."}};

inline constexpr stats::FilterSchema kSchema{
    .drops = kDrops, .counters = kCounters, .histograms = kHistograms};

}  // namespace sluice::repair
