#include "source/media/nack_scheduler.h"

#include <algorithm>

#include "source/media/sample_time.h"

namespace sluice::media {
namespace {

constexpr Duration kAssumedRoundTrip = 100ms;  // until RTCP or a retransmission shows it
constexpr Duration kPauses = 120ms;            // more than any jitter that matters here
constexpr Duration kTimerSlack = 2ms;          // how late a thread may send a request

// At most one packet in a hundred is requested in vain. A stall of some machine is forgotten within seconds.
constexpr double kNearlyAll = 0.99;
constexpr double kForget = 0.99;

}  // namespace

void NackScheduler::begin(uint16_t sequence, uint32_t timestamp, const Frame& frame, Instant now) {
  entries_.fill({});
  lateness_.reset();
  reordering_ = {};
  retransmissions_ = {};
  started_ = true;
  has_old_ = false;
  highest_ = oldest_missing_ = 0x10000 + int64_t{sequence};
  timestamp_ = timestamp;
  arrived_ = now;
  talkspurt_.begin(frame);
  at(highest_).state = State::kReceived;
  expectNext(now);
}

NackScheduler::Arrival NackScheduler::onPacket(uint16_t sequence, uint32_t timestamp, const Frame& frame,
                                               Instant now, Duration quickest_retransmission) {
  if (!started_) {
    begin(sequence, timestamp, frame, now);
    return Arrival::kNew;
  }
  const int64_t extended = extend(sequence);
  if (extended > highest_ + kMaxGap || extended < highest_ - 0x4000) {
    begin(sequence, timestamp, frame, now);
    return Arrival::kNew;
  }
  if (extended > highest_) {
    const bool recovered =
        extended == highest_ + 1 && isNextRetransmitted(timestamp, frame, now, quickest_retransmission);
    const Entry next = next_;
    advance(extended, timestamp, frame, now);
    if (!recovered) return Arrival::kNew;
    // Later packets should arrive relative to its own time.
    at(extended).expected = arrived_ = next.expected;
    next_.expected = next.expected + talkspurt_.frame();
    ++lost_;
    ++bursts_;
    ++returned_;
    if (next.requests == 1) retransmissions_.add(now - next.requested, now);
    return Arrival::kRecovered;
  }
  if (extended <= highest_ - static_cast<int64_t>(kWindow)) {
    // One may be a straggler; two in a row are a stream that restarts (as in RFC 3550 appendix A.1).
    const bool begins = has_old_ && sequence == static_cast<uint16_t>(last_old_ + 1);
    has_old_ = true;
    last_old_ = sequence;
    if (!begins) return Arrival::kOld;
    begin(sequence, timestamp, frame, now);
    return Arrival::kNew;
  }
  Entry& entry = at(extended);
  switch (entry.state) {
    case State::kReceived:
      return Arrival::kDuplicate;
    case State::kUnknown:  // before the first packet
      entry.state = State::kReceived;
      return Arrival::kReordered;
    case State::kMissing:
      break;
  }
  entry.state = State::kReceived;
  // It was sent before a pause, not after it.
  if (expectedAt(timestamp) < entry.expected - kPauses) entry.expected = expectedAt(timestamp);
  ++returned_;
  const Duration took = now - entry.requested;
  if (entry.requests == 0 || (entry.requests == 1 && took < quickest_retransmission)) {
    // A sender that stalls then sends a burst: that delay is not the line's.
    onReordered(std::min(now - entry.expected, took + entry.waited + talkspurt_.frame()));
    return Arrival::kReordered;
  }
  if (entry.requests == 1)
    retransmissions_.add(took, now);  // otherwise it is not known to which request this packet responds
  return Arrival::kRecovered;
}

void NackScheduler::fill(uint16_t sequence) {
  if (!isMissing(sequence) || extend(sequence) > highest_) return;
  at(extend(sequence)).state = State::kReceived;
  ++returned_;
}

void NackScheduler::onReordered(Duration late) {
  lateness_.add(late, kForget);
  const Duration nearly_all = lateness_.quantile(kNearlyAll);
  reordering_ = nearly_all <= DelayHistogram::kBucket ? Duration{} : nearly_all + DelayHistogram::kBucket;
}

void NackScheduler::advance(int64_t to, uint32_t timestamp, const Frame& frame, Instant now) {
  const int64_t steps = to - highest_;
  const Duration elapsed = samplesToTime(static_cast<int32_t>(timestamp - timestamp_));
  if (steps > 1) ++bursts_;
  for (int64_t gap = highest_ + 1; gap < to; ++gap) {
    Entry& entry = at(gap);
    entry = {.state = State::kMissing,
             .expected = now - talkspurt_.age(to - gap, steps, elapsed),
             .requested = now};
    ++lost_;
    // Requests made before it was known to be missing count.
    if (gap == highest_ + 1 && next_.requests > 0) entry = next_;
  }
  at(to) = {.state = State::kReceived};
  highest_ = to;
  timestamp_ = timestamp;
  arrived_ = now;
  talkspurt_.advance(steps, elapsed, frame);
  expectNext(now);
  if (reordering_ == Duration{}) {
    lateness_.add({}, kForget);
  } else {
    onReordered({});  // reordering may have ended
  }
  oldest_missing_ = std::max(oldest_missing_, highest_ - static_cast<int64_t>(kWindow) + 1);
}

void NackScheduler::expectNext(Instant now) {
  next_ = {};
  if (!talkspurt_.continues()) return;
  const Duration frame = talkspurt_.frame();
  // If the packet after it has not arrived either, it is lost, or the pause has begun.
  next_ = {.state = State::kMissing, .expected = now + frame, .requested = now + 2 * frame};
}

Instant NackScheduler::expectedAt(uint32_t timestamp) const {
  return arrived_ + samplesToTime(static_cast<int32_t>(timestamp - timestamp_));
}

bool NackScheduler::isNextRetransmitted(uint32_t timestamp, const Frame& frame, Instant now,
                                        Duration quickest_retransmission) const {
  // Speech after the request means that the line stalled; a retransmission is the packet that begins the
  // pause.
  const bool known = quickest_retransmission == Duration{};  // by RTX
  return next_.requests > 0 && (known || frame.dtx) && now - next_.requested >= quickest_retransmission &&
         samplesToTime(static_cast<int32_t>(timestamp - timestamp_)) <= 2 * talkspurt_.frame();
}

bool NackScheduler::isMissing(uint16_t sequence) const {
  if (!started_) return false;
  const int64_t extended = extend(sequence);
  if (extended == highest_ + 1) return next_.requests > 0;
  return extended <= highest_ && extended > highest_ - static_cast<int64_t>(kWindow) &&
         at(extended).state == State::kMissing;
}

Duration NackScheduler::retransmissionTime(Instant now, Duration round_trip) const {
  if (const Duration taken = retransmissions_.nearlyAll(now); taken != Duration{}) return taken;
  return round_trip == Duration{} ? kAssumedRoundTrip : round_trip;
}

Instant NackScheduler::due(const Entry& entry, const Config& config, Duration retransmission) const {
  const bool done = entry.state != State::kMissing || entry.requests >= config.max_requests;
  if (done || entry.too_late) return Instant::max();
  // A retransmission may take a little longer than the last one; a request too early is of no use.
  const Instant when = entry.requests > 0
                           ? entry.requested + retransmission + retransmission / 4 + 5ms
                           : std::max(entry.requested + config.reordering, entry.expected + reordering_);
  return when + kTimerSlack + retransmission <= entry.expected + config.budget ? when : Instant::max();
}

size_t NackScheduler::takeRequests(const Config& config, Instant now, Duration round_trip,
                                   std::span<uint16_t> out) {
  if (!started_) return 0;
  const Duration retransmission = retransmissionTime(now, round_trip);
  size_t count = 0;
  const auto consider = [&](Entry& entry, int64_t extended) {
    if (due(entry, config, retransmission) > now) return;
    // This thread may run late, and a packet that was due for a request long ago is of no use now.
    entry.too_late = now + retransmission > entry.expected + config.budget;
    if (entry.too_late) return;
    if (entry.requests == 0) {
      entry.waited = std::chrono::duration_cast<decltype(entry.waited)>(std::max(now - entry.requested, 0ns));
    }
    entry.requested = now;
    ++entry.requests;
    out[count++] = static_cast<uint16_t>(extended);
  };
  for (int64_t extended = oldest_missing_; extended <= highest_ && count < out.size(); ++extended) {
    consider(at(extended), extended);
  }
  if (count < out.size()) consider(next_, highest_ + 1);
  return count;
}

Instant NackScheduler::nextNack(const Config& config, Instant now, Duration round_trip) {
  if (!started_) return Instant::max();
  const Duration retransmission = retransmissionTime(now, round_trip);
  Instant next = Instant::max();
  for (int64_t extended = oldest_missing_; extended <= highest_; ++extended) {
    next = std::min(next, due(at(extended), config, retransmission));
    if (next == Instant::max()) oldest_missing_ = extended;  // not checked again
  }
  return std::min(next, due(next_, config, retransmission));
}

}  // namespace sluice::media
