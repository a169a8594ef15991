// The statistics of the opus filter.
#pragma once

#include "source/chain/typed_context.h"
#include "source/stats/typed_schema.h"

namespace sluice::opus_filter {

enum class Drop { kLate, kDuplicate, kStale, kStray, kForeign, kUndecodable, kOverRate, kNoPacket };
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
enum class Record { kDelay };

inline constexpr std::string_view kConcealedHelp = "Missing frames that were filled, by method.";

inline constexpr stats::Schema<Drop, Count, Record> kSchema{
    .drops = {{Drop::kLate, "late"},
              {Drop::kDuplicate, "duplicate"},
              {Drop::kStale, "stale"},
              {Drop::kStray, "stray"},
              {Drop::kForeign, "foreign"},
              {Drop::kUndecodable, "undecodable"},
              {Drop::kOverRate, "over_rate"},
              {Drop::kNoPacket, "no_packet"}},
    .counters =
        {{Count::kConcealedLbrr, "concealed", kConcealedHelp, "by", "lbrr"},
         {Count::kConcealedPlc, "concealed", kConcealedHelp, "by", "plc"},
         {Count::kConcealedDtx, "concealed", kConcealedHelp, "by", "dtx"},
         {Count::kMissing, "missing", "Missing frames that were not filled."},
         {Count::kTranscoded, "transcoded", "Packets that were transcoded."},
         {Count::kProfileChanges, "profile_changes", "Changes of the profile that TRANSCODE encodes with."},
         {Count::kOverflow, "overflow", "Packets that left before their time because the buffer was full."},
         {Count::kStreams, "streams", "Streams started: new SSRCs, restarts, jumps of a sender's clock."},
         {Count::kStreamsTaken, "streams_taken", "Streams that made room for another SSRC."}},
    .histograms = {{Record::kDelay, "delay", "Time that voice packets were held."}}};

using Context = chain::TypedContext<std::remove_cvref_t<decltype(kSchema)>>;

}  // namespace sluice::opus_filter
