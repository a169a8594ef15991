#include "source/media/jitter_buffer.h"

#include <algorithm>
#include <cassert>

namespace sluice::media {

void JitterBuffer::reset(const Config& config) {
  delay_.reset(config.delay);
  slots_.fill({});
  sequences_ = {};
  capacity_ = config.min_frames;
  held_ = gap_index_ = 0;
  started_ = false;
  released_ = 0;
  last_samples_ = 0;
  late_in_row_ = 0;
  configure(config);
}

void JitterBuffer::configure(const Config& config) {
  config_ = config;
  delay_.configure(config.delay);
  capacity_ = std::clamp(capacity_, config.min_frames, config.max_frames);
}

// To the value nearest to the newest timestamp.
int64_t JitterBuffer::unroll(uint32_t timestamp) const {
  return newest_timestamp_ + static_cast<int32_t>(timestamp - static_cast<uint32_t>(newest_timestamp_));
}

bool JitterBuffer::continues(uint32_t timestamp, Instant arrival) const {
  return sequences_.empty() || !delay_.jumps(unroll(timestamp), arrival);
}

JitterBuffer::Insertion JitterBuffer::insert(uint16_t sequence, uint32_t timestamp, uint32_t samples,
                                             Instant arrival) {
  if (sequences_.empty()) {
    newest_timestamp_ = last_timestamp_ = int64_t{1} << 32 | timestamp;
    head_ = sequences_.extend(sequence);
    calm_since_ = arrival;
  }
  const int64_t extended = sequences_.extend(sequence);
  const int64_t unrolled = unroll(timestamp);
  const auto capacity = static_cast<int64_t>(capacity_);
  // Before anything has left, an earlier frame may still become the first.
  if (!started_ && extended < head_ && sequences_.highest() - extended < capacity) head_ = extended;
  if (extended < head_) return {onBehind(extended, unrolled, arrival), 0};
  if (extended >= head_ + capacity) {
    if (held_ > 0) return {Verdict::kFull, 0};
    skipTo(extended - capacity + 1);
  }
  Slot& slot = at(extended);
  if (slot.state != State::kEmpty) return {Verdict::kDuplicate, 0};

  slot = {unrolled, samples, State::kHeld};
  next_held_ = held_ == 0 ? extended : std::min(next_held_, extended);
  ++held_;
  newest_timestamp_ = std::max(newest_timestamp_, unrolled);
  delay_.onArrival(unrolled, arrival);
  late_in_row_ = 0;
  if (capacity_ == config_.min_frames) calm_since_ = std::max(calm_since_, arrival - config_.calm);
  for (; arrival - calm_since_ >= config_.calm && capacity_ > config_.min_frames;
       calm_since_ += config_.calm) {
    const auto less = static_cast<size_t>(static_cast<double>(capacity_) * (1 - config_.shrink));
    capacity_ = std::max(config_.min_frames, less);
  }
  return {Verdict::kHeld, place(extended)};
}

JitterBuffer::Verdict JitterBuffer::onBehind(int64_t sequence, int64_t timestamp, Instant arrival) {
  const int64_t ago = head_ - 1 - sequence;
  if (ago < 64 && (released_ >> ago & 1) != 0) return Verdict::kDuplicate;
  delay_.onArrival(timestamp, arrival);
  calm_since_ = arrival;
  if (++late_in_row_ >= config_.late_to_grow) {
    late_in_row_ = 0;
    const auto more = static_cast<size_t>(static_cast<double>(capacity_) * config_.growth);
    capacity_ = std::min(config_.max_frames, std::max(capacity_ + 1, more));
  }
  return Verdict::kLate;
}

void JitterBuffer::pass(uint16_t sequence) {
  if (sequences_.empty()) return;
  const int64_t extended = sequences_.extend(sequence);
  if (extended < head_ || extended >= head_ + static_cast<int64_t>(capacity_)) return;
  if (at(extended).state == State::kEmpty) at(extended).state = State::kPassed;
  skipPassed();
}

// Gives up the frames before `sequence`; none of them is held.
void JitterBuffer::skipTo(int64_t sequence) {
  const int64_t skipped = sequence - head_;
  for (int64_t i = 0; i < std::min<int64_t>(skipped, kMaxFrames); ++i) at(head_ + i).state = State::kEmpty;
  gap_index_ += static_cast<size_t>(skipped);
  released_ = skipped < 64 ? released_ << skipped : 0;
  head_ = sequence;
}

void JitterBuffer::skipPassed() {
  while (started_ && at(head_).state == State::kPassed) {
    at(head_++).state = State::kEmpty;
    released_ = released_ << 1 | 1;
  }
}

// The missing frames before the next held one; passed numbers carried no time.
size_t JitterBuffer::countMissing() const {
  size_t count = 0;
  for (int64_t i = head_; i < next_held_; ++i) count += at(i).state == State::kEmpty;
  return count;
}

// The time of the missing frame at the head. There may have been silence too before the next frame; missing
// frames count as voice directly before that frame, since its LBRR covers just that time.
JitterBuffer::Missing JitterBuffer::missing() const {
  const Slot& next = at(next_held_);
  const auto count = static_cast<int64_t>(std::max<size_t>(1, countMissing()));
  const int64_t time = (next.timestamp - last_timestamp_ - last_samples_) / count;
  const int64_t samples = std::clamp<int64_t>(time, 0, last_samples_);
  return {next.timestamp - count * samples, static_cast<uint32_t>(samples)};
}

Instant JitterBuffer::due() const {
  if (held_ == 0) return Instant::max();
  const int64_t next = at(next_held_).timestamp;
  if (next_held_ == head_ || config_.patient) return delay_.playout(next);
  // The packet after it may still arrive with its LBRR, or the packet itself may.
  const Missing gap = missing();
  const bool next_is_there = next_held_ == head_ + 1;
  return delay_.playout(gap.timestamp + (next_is_there ? 0 : gap.samples));
}

JitterBuffer::Out JitterBuffer::pop(Instant now) {
  const Instant due = this->due();
  if (held_ == 0 || due > now) return {};
  if (next_held_ != head_) {
    const Missing gap = missing();
    if (gap.samples > 0) return takeMissing(gap, due);
    skipTo(next_held_);
    if (delay_.playout(at(head_).timestamp) > now) return {};
  }
  return takeFrame(due);
}

JitterBuffer::Out JitterBuffer::takeMissing(const Missing& gap, Instant due) {
  const Out out{.kind = Out::Kind::kGap,
                .place = place(next_held_),
                .sequence = static_cast<uint16_t>(head_),
                .timestamp = static_cast<uint32_t>(gap.timestamp),
                .samples = gap.samples,
                .due = due,
                .index = gap_index_,
                .left = std::max<size_t>(1, countMissing()) - 1};
  last_timestamp_ = gap.timestamp;
  skipTo(head_ + 1);
  skipPassed();
  calm_since_ = std::max(calm_since_, due);
  return out;
}

JitterBuffer::Out JitterBuffer::giveUpNext(uint32_t after) {
  assert(started_ && held_ == 0);
  last_timestamp_ += last_samples_ + after;
  const Out out{.kind = Out::Kind::kGap,
                .sequence = static_cast<uint16_t>(head_),
                .timestamp = static_cast<uint32_t>(last_timestamp_),
                .samples = last_samples_,
                .due = delay_.playout(last_timestamp_),
                .index = gap_index_};
  skipTo(head_ + 1);
  skipPassed();
  return out;
}

JitterBuffer::Out JitterBuffer::takeFrame(Instant due) {
  Slot& slot = at(head_);
  const bool rises = !started_ || slot.timestamp > last_timestamp_;
  const Out out{.kind = rises ? Out::Kind::kFrame : Out::Kind::kStale,
                .place = place(head_),
                .sequence = static_cast<uint16_t>(head_),
                .timestamp = static_cast<uint32_t>(slot.timestamp),
                .samples = slot.samples,
                .due = due};
  if (rises) {
    last_timestamp_ = slot.timestamp;
    last_samples_ = slot.samples;
  }
  slot.state = State::kEmpty;
  started_ = true;
  released_ = released_ << 1 | 1;
  gap_index_ = 0;
  --held_;
  ++head_;
  skipPassed();
  if (held_ > 0) {
    next_held_ = head_;
    while (at(next_held_).state != State::kHeld) ++next_held_;
  }
  return out;
}

}  // namespace sluice::media
