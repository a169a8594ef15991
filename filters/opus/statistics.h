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
    {"concealed", "Missing frames that were filled, by method.", "by", "lbrr"},
    {"concealed", "Missing frames that were filled, by method.", "by", "plc"},
    {"concealed", "Missing frames that were filled, by method.", "by", "dtx"},
    {"missing", "Missing frames that were not filled."},
    {"transcoded", "Packets that were transcoded."},
    {"profile_changes", "Changes of the profile that TRANSCODE encodes with."},
    {"overflow", "Packets that left before their time because the buffer was full."},
    {"streams", "Streams started: new SSRCs, restarts, jumps of a sender's clock."},
    {"streams_taken", "Streams that made room for another SSRC."},
};

enum class Record { kDelay };
inline constexpr stats::HistogramSpec kHistograms[] = {{"delay", "Time that voice packets were held."}};

}  // namespace sluice::opus_filter
