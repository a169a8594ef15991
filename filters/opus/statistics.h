// The statistics of the opus filter.
#pragma once

#include "source/stats/schema.h"

namespace sluice::opus_filter {

enum class Drop { kLate, kDuplicate, kStale, kStray, kForeign, kUndecodable, kOverRate, kNoPacket };
inline constexpr std::string_view kDrops[] = {"late",    "duplicate",   "stale",     "stray",
                                              "foreign", "undecodable", "over_rate", "no_packet"};

enum class Count {
  kConcealedLbrr,
  kConcealedPlc,
  kConcealedDtx,
  kMissing,
  kTranscoded,
  kProfileChanges,
  kOverflow,
  kStreams,
  kStreamsTaken,
};
inline constexpr stats::CounterSpec kCounters[] = {
    {"concealed", "Missing frames that were filled, by what they were made of.", "by", "lbrr"},
    {"concealed", "Missing frames that were filled, by what they were made of.", "by", "plc"},
    {"concealed", "Missing frames that were filled, by what they were made of.", "by", "dtx"},
    {"missing", "Missing frames that stayed missing."},
    {"transcoded", "Packets that were encoded anew."},
    {"profile_changes", "Changes of the profile that TRANSCODE encodes with."},
    {"overflow", "Packets that left before their time since the buffer was full."},
    {"streams", "Streams that began: new SSRCs, restarts, jumps of the sender's clock."},
    {"streams_taken", "Streams that had to make room for another SSRC."},
};

enum class Record { kDelay };
inline constexpr stats::HistogramSpec kHistograms[] = {{"delay", "Time that voice packets were held."}};

}  // namespace sluice::opus_filter
