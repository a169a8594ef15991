#include "source/codec/reception.h"

#include <algorithm>

namespace sluice::rtp {
namespace {

constexpr uint16_t kMaxDropout = 3000;
constexpr uint16_t kMaxMisorder = 100;
constexpr uint32_t kNoProbation = 0x10000;

}  // namespace

void Reception::restart(uint16_t sequence) {
  ++restarts_;
  base_ = highest_ = sequence;
  cycles_ = 0;
  received_ = expected_before_ = received_before_ = 0;
  probation_ = kNoProbation;
  has_transit_ = false;
}

bool Reception::onPacket(uint16_t sequence, uint32_t timestamp, Instant arrival) {
  if (received_ == 0) restart(sequence);
  const auto ahead = static_cast<uint16_t>(sequence - highest_);
  if (ahead < kMaxDropout) {
    if (sequence < highest_) cycles_ += 0x10000;
    highest_ = sequence;
  } else if (ahead <= 0x10000 - kMaxMisorder) {
    if (sequence != probation_) {
      probation_ = static_cast<uint16_t>(sequence + 1);
      return false;
    }
    restart(sequence);
  }
  probation_ = kNoProbation;
  ++received_;
  updateJitter(timestamp, arrival);
  return true;
}

void Reception::updateJitter(uint32_t timestamp, Instant arrival) {
  const auto units = arrival.time_since_epoch().count() / 1000 * clock_rate_ / 1'000'000;
  const uint32_t transit = static_cast<uint32_t>(units) - timestamp;
  if (has_transit_) {
    const uint32_t forth = transit - last_transit_;
    const uint32_t difference = std::min(forth, 0 - forth);
    jitter_ += difference - ((jitter_ + 8) >> 4);
  }
  last_transit_ = transit;
  has_transit_ = true;
}

void Reception::onSenderReport(rtcp::Ntp ntp, Instant arrival) {
  last_sr_ = rtcp::middle(ntp);
  last_sr_arrival_ = arrival;
}

std::optional<Duration> Reception::roundTripBeyond(const rtcp::ReportBlock& block, Instant now) const {
  if (block.last_sr == 0 || block.last_sr != last_sr_) return std::nullopt;
  const Duration held{int64_t{block.delay_since_last_sr} * 1'000'000'000 / 65536};
  const Duration round_trip = now - last_sr_arrival_ - held;
  return round_trip > Duration::zero() ? std::optional(round_trip) : std::nullopt;
}

rtcp::ReportBlock Reception::report(uint32_t ssrc, Instant now) {
  rtcp::ReportBlock block{.ssrc = ssrc};
  const uint64_t expected_interval = expected() - expected_before_;
  const uint64_t received_interval = received_ - received_before_;
  expected_before_ = expected();
  received_before_ = received_;
  if (expected_interval > received_interval) {
    block.fraction_lost = static_cast<uint8_t>(
        std::min<uint64_t>(255, (expected_interval - received_interval) * 256 / expected_interval));
  }
  block.cumulative_lost = static_cast<int32_t>(std::clamp<int64_t>(lost(), -0x800000, 0x7FFFFF));
  block.highest_sequence = highestSequence();
  block.jitter = jitter();
  if (last_sr_ != 0) {
    block.last_sr = last_sr_;
    const auto delay = (now - last_sr_arrival_).count();
    block.delay_since_last_sr = static_cast<uint32_t>(delay / 1000 * 65536 / 1'000'000);
  }
  return block;
}

}  // namespace sluice::rtp
