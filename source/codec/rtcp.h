// RTCP (RFC 3550 section 6, RFC 4585, RFC 5506): reads compound packets and writes reports.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "source/base/bytes.h"
#include "source/base/clock.h"

namespace sluice::rtcp {

constexpr uint8_t kSenderReport = 200;
constexpr uint8_t kReceiverReport = 201;
constexpr uint8_t kSourceDescription = 202;
constexpr uint8_t kBye = 203;
constexpr uint8_t kTransportFeedback = 205;  // format 1: NACK, 15: transport-cc
constexpr uint8_t kPayloadFeedback = 206;    // format 15: REMB
constexpr uint8_t kExtendedReport = 207;

// One packet of a compound.
struct Packet {
  uint8_t type;
  uint8_t count;  // reports or sources, or the feedback format; 0-31
  Bytes body;     // after the four bytes of the common header, without padding
};

// Reads the packets of a compound one after the other; stops at the first malformed one.
class Reader {
 public:
  explicit Reader(Bytes compound) : rest_(compound) {}
  std::optional<Packet> next();
  // True if everything was read.
  bool done() const { return rest_.empty(); }

 private:
  Bytes rest_;
};

// Wall-clock time in RTCP's format: seconds since 1900 in the upper 32 bits, fractions in the lower.
using Ntp = uint64_t;
// The middle 32 bits: what LSR and DLSR are measured in, 1/65536 s.
inline uint32_t middle(Ntp ntp) {
  return static_cast<uint32_t>(ntp >> 16);
}
Ntp toNtp(std::chrono::system_clock::time_point time);

struct SenderInfo {
  uint32_t ssrc = 0;
  Ntp ntp = 0;
  uint32_t rtp_timestamp = 0;
  uint32_t packets = 0;
  uint32_t octets = 0;
};

struct ReportBlock {
  uint32_t ssrc = 0;
  uint8_t fraction_lost = 0;         // of 256
  int32_t cumulative_lost = 0;       // 24 bits, signed
  uint32_t highest_sequence = 0;     // extended
  uint32_t jitter = 0;               // in timestamp units
  uint32_t last_sr = 0;              // middle(ntp) of the last SR; 0: none received
  uint32_t delay_since_last_sr = 0;  // 1/65536 s
};

// The sender info of an SR packet; nothing for other packets.
std::optional<SenderInfo> readSenderInfo(const Packet& packet);
// The i-th report block of an SR or RR packet; nothing if it is not there.
std::optional<ReportBlock> readReportBlock(const Packet& packet, size_t i);
// The bytes of the i-th report block; empty if it is not there.
Bytes reportBlock(const Packet& packet, size_t i);
void writeReportBlock(const ReportBlock& block, uint8_t* out);

// Calls `leaving(ssrc)` for each source that a BYE names (RFC 3550 section 6.6).
template <typename Leaving>
void forEachBye(const Packet& packet, Leaving&& leaving) {
  if (packet.type != kBye) return;
  for (size_t i = 0; i < packet.count && packet.body.size() >= 4 * (i + 1); ++i) {
    leaving(readU32(&packet.body[4 * i]));
  }
}

// For a filter that changes a stream's packets and so must change the other side's reports on them (RFC 3550
// section 7.2): calls `change(block)` for each report block of the compound, and writes the block back if it
// returns true.
template <typename Change>
void rewriteReportBlocks(MutableBytes compound, Change&& change) {
  Reader reader(compound);
  while (const auto packet = reader.next()) {
    for (size_t i = 0; auto block = readReportBlock(*packet, i); ++i) {
      if (!change(*block)) continue;
      const auto at = reportBlock(*packet, i).data() - compound.data();
      writeReportBlock(*block, &compound[static_cast<size_t>(at)]);
    }
  }
}

// RFC 3550 section 6.4.1: the round trip that the sender of the SR computes from a report block that arrives
// at `now_middle`.
std::optional<Duration> roundTrip(const ReportBlock& block, uint32_t now_middle);

// Builds a compound in the caller's buffer. If something does not fit, finish() returns nothing.
class Writer {
 public:
  explicit Writer(MutableBytes buffer) : buffer_(buffer) {}

  void addSenderReport(const SenderInfo& info, std::span<const ReportBlock> blocks);
  void addReceiverReport(uint32_t ssrc, std::span<const ReportBlock> blocks);
  void addCname(uint32_t ssrc, std::string_view cname);  // at most 255 bytes
  void addBye(uint32_t ssrc);
  // Adds a packet of any type and returns its body to fill, zeroed after body_size; null if it does not fit.
  uint8_t* add(uint8_t type, size_t count, size_t body_size);

  std::optional<size_t> finish() const;

 private:
  MutableBytes buffer_;
  size_t size_ = 0;
  bool overflow_ = false;
};

}  // namespace sluice::rtcp
