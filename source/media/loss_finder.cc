#include "source/media/loss_finder.h"

#include <algorithm>

namespace sluice::media {
namespace {

constexpr Duration kUsualFrame = 20ms;
constexpr Duration kLongestPacket = 120ms;  // RFC 6716 section 2

Duration samples(uint32_t count) {
  return Duration{int64_t{count} * 62'500 / 3};  // at 48 kHz
}

}  // namespace

void LossFinder::begin(uint16_t sequence, uint32_t timestamp) {
  entries_.fill({});
  started_ = true;
  has_old_ = false;
  highest_ = oldest_missing_ = 0x10000 + int64_t{sequence};
  timestamp_ = timestamp;
  at(highest_).state = State::kReceived;
}

LossFinder::Arrival LossFinder::onPacket(uint16_t sequence, uint32_t timestamp, Instant now) {
  if (!started_) {
    begin(sequence, timestamp);
    return Arrival::kNew;
  }
  const int64_t extended = extend(sequence);
  if (extended > highest_ + kMaxGap || extended < highest_ - 0x4000) {
    begin(sequence, timestamp);
    return Arrival::kNew;
  }
  if (extended > highest_) {
    advance(extended, timestamp, now);
    return Arrival::kNew;
  }
  if (extended <= highest_ - static_cast<int64_t>(kWindow)) {
    // One may be a straggler; two in a row are a stream that begins anew (as in RFC 3550 appendix A.1).
    const bool begins = has_old_ && sequence == static_cast<uint16_t>(last_old_ + 1);
    has_old_ = true;
    last_old_ = sequence;
    if (!begins) return Arrival::kOld;
    begin(sequence, timestamp);
    return Arrival::kNew;
  }
  Entry& entry = at(extended);
  switch (entry.state) {
    case State::kReceived:
      return Arrival::kDuplicate;
    case State::kUnknown:  // from before the first one
      entry.state = State::kReceived;
      return Arrival::kOvertaken;
    case State::kMissing:
      break;
  }
  entry.state = State::kReceived;
  ++returned_;
  if (entry.requests == 1) {
    const Duration took = now - entry.asked;
    answer_time_ = answer_time_ == Duration{} ? took : answer_time_ + (took - answer_time_) / 8;
  }
  return entry.requests > 0 ? Arrival::kRecovered : Arrival::kOvertaken;
}

void LossFinder::advance(int64_t to, uint32_t timestamp, Instant now) {
  const int64_t steps = to - highest_;
  Duration step = samples(timestamp - timestamp_) / steps;
  if (step <= Duration::zero() || step > kLongestPacket) step = kUsualFrame;
  if (steps > 1) ++bursts_;
  for (int64_t gap = highest_ + 1; gap < to; ++gap) {
    at(gap) = {.state = State::kMissing,
               .requests = 0,
               .too_late = false,
               .expected = now - (to - gap) * step,
               .asked = now};
    ++lost_;
  }
  at(to) = {.state = State::kReceived, .requests = 0, .too_late = false, .expected = {}, .asked = {}};
  highest_ = to;
  timestamp_ = timestamp;
  oldest_missing_ = std::max(oldest_missing_, highest_ - static_cast<int64_t>(kWindow) + 1);
}

bool LossFinder::isMissing(uint16_t sequence) const {
  if (!started_) return false;
  const int64_t extended = extend(sequence);
  return extended <= highest_ && extended > highest_ - static_cast<int64_t>(kWindow) &&
         at(extended).state == State::kMissing;
}

Instant LossFinder::due(const Entry& entry, const Config& config, Duration round_trip) const {
  const bool done = entry.state != State::kMissing || entry.requests >= config.max_requests;
  if (done || entry.too_late) return Instant::max();
  // An answer may take a little longer than the last round trip; asking twice for one packet helps nobody.
  const Duration wait = entry.requests == 0 ? config.reordering : round_trip + round_trip / 4 + 5ms;
  const Instant when = entry.asked + wait;
  return when + round_trip <= entry.expected + config.budget ? when : Instant::max();
}

size_t LossFinder::ask(const Config& config, Instant now, Duration round_trip, std::span<uint16_t> out) {
  size_t count = 0;
  for (int64_t extended = oldest_missing_; extended <= highest_ && count < out.size(); ++extended) {
    Entry& entry = at(extended);
    const Instant when = due(entry, config, round_trip);
    if (when > now) continue;
    // This thread may be late, and what was to be asked for long ago is of no use now.
    entry.too_late = now + round_trip > entry.expected + config.budget;
    if (entry.too_late) continue;
    entry.asked = now;
    ++entry.requests;
    out[count++] = static_cast<uint16_t>(extended);
  }
  return count;
}

Instant LossFinder::nextAsk(const Config& config, Duration round_trip) {
  Instant next = Instant::max();
  for (int64_t extended = oldest_missing_; extended <= highest_; ++extended) {
    next = std::min(next, due(at(extended), config, round_trip));
    if (next == Instant::max()) oldest_missing_ = extended;  // nobody looks there again
  }
  return next;
}

}  // namespace sluice::media
