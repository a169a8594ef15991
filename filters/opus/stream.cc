#include "filters/opus/stream.h"

#include <algorithm>
#include <utility>

#include "source/codec/opus_toc.h"

namespace sluice::opus_filter {
namespace {

using Kind = media::JitterBuffer::Out::Kind;
using Verdict = media::JitterBuffer::Verdict;

constexpr double kBudgetRate = 2 * 48'000;  // samples a second
constexpr double kBudgetBurst = 2 * 48'000;
constexpr double kRebuildRate = 10 * 48'000;  // the past of about 15 packets a second
constexpr double kRebuildBurst = 20 * 48'000;
constexpr uint32_t kPauseAfter = 1'920;  // samples, 40 ms: only after a stall do packets arrive this late

}  // namespace

Stream::Stream(DirectionContext& direction)
    : direction_(direction),
      buffer_(direction.settings != nullptr ? direction.settings->buffer : media::JitterBuffer::Config{}),
      codec_budget_(kBudgetRate, kBudgetBurst, direction.context.now()),
      rebuild_budget_(kRebuildRate, kRebuildBurst, direction.context.now()),
      fill_budget_(kBudgetRate, kBudgetBurst, direction.context.now()),
      timer_(direction.context.timers(), [this] {
        release(direction_.settings != nullptr ? direction_.context.now() : Instant::max());
      }) {
  onReload();
}

void Stream::onReload() {
  const bool transcodes = direction_.settings != nullptr && direction_.mode() == Mode::kTranscode;
  if (transcodes && transcoder_ == nullptr) {
    transcoder_ = std::make_unique<Transcoder>();
    transcoder_->apply(direction_.adaptation.profile());
  } else if (!transcodes && transcoder_ != nullptr) {
    transcoder_.reset();
    renumber_ = true;
  }
  if (direction_.settings != nullptr) buffer_.configure(direction_.settings->buffer);
  if (buffer_.size() > 0) timer_.arm(Duration::zero());
}

void Stream::flush() {
  release(Instant::max());
  talkspurt_ = {};
  timer_.cancel();
}

void Stream::leave() {
  flush();
  const auto ahead = static_cast<int16_t>(last_sequence_ - last_received_);
  const auto& player = direction_.context.session().player();
  if (!used_ || direction_.inward || player == nullptr || ahead <= 0) return;
  const auto& slots = player->negotiated.slots;
  for (size_t i = 0; i < slots.size(); ++i) {
    if (slots[i].ssrc == ssrc_) player->slot_sequences[i].reserve(static_cast<uint16_t>(ahead));
  }
}

void Stream::begin(uint32_t ssrc) {
  leave();
  ssrc_ = ssrc;
  used_ = true;
  reception_ = rtp::Reception(48'000);
  restarts_ = packets_sent_ = octets_sent_ = 0;
}

void Stream::archive(Archive& a) {
  bool transcodes = transcoder_ != nullptr;
  a(ssrc_, used_, last_packet_, last_received_, reception_, restarts_, last_sequence_, offset_, renumber_,
    packets_sent_, octets_sent_, transcodes);
  if (transcodes && transcoder_ == nullptr) renumber_ = true;  // as after a reload
}

void Stream::restart() {
  flush();
  buffer_.reset(direction_.settings->buffer);
  concealer_.reset();
  talkspurt_ = {};
  made_pause_.reset();
  if (transcoder_ != nullptr) transcoder_->reset();
  renumber_ = renumber_ || offset_ != 0;  // this filter's numbers continue, whatever the sender's do
  restarts_ = reception_.restarts();
  direction_.context.count(Count::kStreams);
}

void Stream::onVoice(net::PacketPtr&& packet, const rtp::Packet& voice) {
  const Instant now = direction_.context.now();
  last_packet_ = now;
  if (!reception_.onPacket(voice.sequence, voice.timestamp, now)) {
    return direction_.context.drop(std::move(packet), Drop::kStray);
  }
  last_received_ = static_cast<uint16_t>(reception_.highestSequence());
  const bool restarted = reception_.restarts() != restarts_;
  if (restarted || !buffer_.continues(voice.timestamp, now)) restart();
  const auto info = opus::parse(voice.payload);
  if (!info) return direction_.context.drop(std::move(packet), Drop::kUndecodable);
  hold(std::move(packet), voice, info->samples());
  release(now);
}

void Stream::hold(net::PacketPtr&& packet, const rtp::Packet& voice, uint32_t samples) {
  const Instant now = direction_.context.now();
  auto insertion = buffer_.insert(voice.sequence, voice.timestamp, samples, now);
  while (insertion.verdict == Verdict::kFull) {
    const Out out = buffer_.pop(Instant::max());
    if (out.kind == Kind::kFrame) direction_.context.count(Count::kOverflow);
    handle(out);
    insertion = buffer_.insert(voice.sequence, voice.timestamp, samples, now);
  }
  switch (insertion.verdict) {
    case Verdict::kDuplicate:
      return direction_.context.drop(std::move(packet), Drop::kDuplicate);
    case Verdict::kLate:
      // The packet that this filter created announced a pause that did not begin: either the line stalled, or
      // the sender no longer marks its pauses.
      if (made_pause_ == voice.sequence) talkspurt_ = {};
      return direction_.context.drop(std::move(packet), Drop::kLate);
    default:
      packet->setNote(Held{.arrival = now,
                           .payload_at = static_cast<uint16_t>(voice.payload.data() - packet->data().data()),
                           .payload_size = static_cast<uint16_t>(voice.payload.size())});
      held_[insertion.place] = std::move(packet);
  }
}

void Stream::onOther(net::PacketPtr&& packet, const rtp::Packet& other) {
  reception_.onPacket(other.sequence, other.timestamp, direction_.context.now());
  last_received_ = static_cast<uint16_t>(reception_.highestSequence());
  buffer_.pass(other.sequence);
  // Its number has no meaning among those of the transcoder.
  if (transcoder_ != nullptr) return direction_.context.drop(std::move(packet), Drop::kForeign);
  direction_.pass(std::move(packet));
}

void Stream::release(Instant now) {
  for (Out out = buffer_.pop(now); out.kind != Kind::kNothing; out = buffer_.pop(now)) handle(out);
  if (now != Instant::max() && pauseDue() <= now) beginPause();
  const Instant due = std::min(buffer_.due(), pauseDue());
  if (due == Instant::max()) return timer_.cancel();
  if (!timer_.armed() || timer_.due() != due) timer_.armAt(due);
}

void Stream::handle(const Out& out) {
  switch (out.kind) {
    case Kind::kFrame:
      return onFrame(std::move(held_[out.place]), out);
    case Kind::kStale:
      return direction_.context.drop(std::move(held_[out.place]), Drop::kStale);
    case Kind::kGap:
      return onGap(out);
    case Kind::kNothing:
      return;
  }
}

Bytes Stream::payloadOf(const net::Packet& packet) {
  const Held& held = packet.note<Held>();
  return packet.data().subspan(held.payload_at, held.payload_size);
}

void Stream::onFrame(net::PacketPtr&& packet, const Out& out) {
  direction_.context.record(Record::kDelay, direction_.context.now() - packet->note<Held>().arrival);
  if (transcoder_ != nullptr) return transcode(std::move(packet), out);
  if (std::exchange(renumber_, false)) offset_ = static_cast<uint16_t>(last_sequence_ + 1 - out.sequence);
  last_sequence_ = static_cast<uint16_t>(out.sequence + offset_);
  if (offset_ != 0) writeU16(&packet->mutableHeader(4)[2], last_sequence_);
  const Bytes payload = payloadOf(*packet);
  const auto steps = static_cast<uint16_t>(out.sequence - released_);
  const auto elapsed = static_cast<int32_t>(out.timestamp - released_timestamp_);
  talkspurt_.advance(steps, media::samplesToTime(elapsed),
                     {media::samplesToTime(out.samples), opus::isDtx(payload)});
  released_ = out.sequence;
  released_timestamp_ = out.timestamp;
  payload_type_ = packet->data()[1] & 0x7F;
  concealer_.remember(payload);
  direction_.pass(std::move(packet));
}

Instant Stream::pauseDue() const {
  const bool conceals = direction_.settings != nullptr && direction_.mode() == Mode::kConceal && !renumber_;
  if (!conceals || buffer_.size() > 0 || !talkspurt_.continues()) return Instant::max();
  return buffer_.nextDue() + media::samplesToTime(kPauseAfter);
}

// Makes the missing DTX packet (RFC 6716 section 2.1.9), so that receivers do not conceal the whole pause.
// Its timestamp is the current time, so that no receiver's jitter buffer grows for it.
void Stream::beginPause() {
  const Out next = buffer_.giveUpNext(kPauseAfter);
  const Bytes last = concealer_.last();
  const media::Frame frame{.duration = talkspurt_.frame(), .dtx = true};
  talkspurt_.advance(1, frame.duration, frame);
  made_pause_ = next.sequence;
  net::PacketPtr packet = last.empty() ? nullptr : direction_.context.packet();
  if (packet == nullptr) return direction_.context.count(Count::kMissing);
  uint8_t payload[media::kDtxPacketSize];
  media::writeDtxPacket(last, payload);
  const rtp::Header header{.payload_type = payload_type_,
                           .sequence = static_cast<uint16_t>(next.sequence + offset_),
                           .timestamp = next.timestamp,
                           .ssrc = ssrc_};
  packet->resize(header.size() + sizeof payload);
  uint8_t* data = packet->mutableData().data();
  rtp::write(header, data);
  std::ranges::copy(payload, data + header.size());
  packet->kind = PacketKind::kRtp;
  packet->received = direction_.context.now();
  last_sequence_ = header.sequence;
  released_timestamp_ = next.timestamp;
  released_ = next.sequence;
  concealer_.remember(payload);
  direction_.context.count(Count::kConcealedDtx);
  direction_.pass(std::move(packet));
}

void Stream::onGap(const Out& gap) {
  const net::Packet& next = *held_[gap.place];
  if (transcoder_ != nullptr) return transcodeGap(gap, next);
  if (direction_.settings != nullptr && direction_.mode() == Mode::kConceal && !renumber_)
    return conceal(gap, next);
  direction_.context.count(Count::kMissing);
}

bool Stream::mayFill(const Out& gap) {
  return gap.index * gap.samples < direction_.settings->max_concealed &&
         fill_budget_.take(gap.samples, direction_.context.now());
}

void Stream::conceal(const Out& gap, const net::Packet& next) {
  const auto sequence = static_cast<uint16_t>(gap.sequence + offset_);
  uint8_t buffer[media::kMaxOpusFrame];
  if (gap.left == 0 &&
      rebuild_budget_.take(static_cast<double>(concealer_.cost(gap.samples)), direction_.context.now())) {
    const size_t size = concealer_.rebuild(direction_.tools, payloadOf(next), gap.samples, buffer);
    if (size > 0 && send(next, sequence, gap.timestamp, Bytes(buffer, size))) {
      concealer_.remember(Bytes(buffer, size));
      return direction_.context.count(Count::kConcealedLbrr);
    }
  }
  concealer_.miss(gap.samples);
  const auto last = opus::parse(concealer_.last());
  if (last && last->samples() == gap.samples && mayFill(gap)) {
    media::writeEmptyPacket(concealer_.last(), buffer);
    if (send(next, sequence, gap.timestamp, Bytes(buffer, media::kEmptyPacketSize))) {
      return direction_.context.count(Count::kConcealedPlc);
    }
  }
  direction_.context.count(Count::kMissing);
}

void Stream::transcode(net::PacketPtr&& packet, const Out& out) {
  if (!codec_budget_.take(out.samples, direction_.context.now())) {
    return direction_.context.drop(std::move(packet), Drop::kOverRate);
  }
  if (packets_sent_ == 0) last_sequence_ = static_cast<uint16_t>(out.sequence - 1);
  complete(out.timestamp);
  encode(*packet);
  transcoder_->startAt(out.timestamp);
  if (!transcoder_->add(payloadOf(*packet))) {
    transcoder_->addMissing({}, out.samples);
    encode(*packet);
    return direction_.context.drop(std::move(packet), Drop::kUndecodable);
  }
  encode(*packet);
  direction_.context.consume(std::move(packet));
}

void Stream::complete(uint32_t timestamp) {
  codec_budget_.charge(static_cast<double>(transcoder_->completeUntil(timestamp)), direction_.context.now());
}

void Stream::transcodeGap(const Out& gap, const net::Packet& next) {
  const Bytes payload = payloadOf(next);
  const auto info = opus::parse(payload);
  const bool lbrr = gap.left == 0 && info && info->has_lbrr;
  if ((!lbrr && !mayFill(gap)) || !codec_budget_.take(gap.samples, direction_.context.now())) {
    ++last_sequence_;
    return direction_.context.count(Count::kMissing);
  }
  complete(gap.timestamp);
  encode(next);
  transcoder_->startAt(gap.timestamp);
  transcoder_->addMissing(lbrr ? payload : Bytes{}, gap.samples / 120 * 120);
  encode(next);
  direction_.context.count(lbrr ? Count::kConcealedLbrr : Count::kConcealedPlc);
}

// Sends the complete frames; `model` gives everything except the payload.
void Stream::encode(const net::Packet& model) {
  if (transcoder_->profile() != direction_.adaptation.profile())
    transcoder_->apply(direction_.adaptation.profile());
  uint8_t buffer[media::kMaxOpusFrame];
  while (const auto frame = transcoder_->encode(buffer)) {
    ++last_sequence_;
    if (!send(model, last_sequence_, frame->timestamp, Bytes(buffer, frame->size))) continue;
    ++packets_sent_;
    octets_sent_ += static_cast<uint32_t>(frame->size);
    direction_.context.count(Count::kTranscoded);
  }
}

bool Stream::send(const net::Packet& model, uint16_t sequence, uint32_t timestamp, Bytes payload) {
  const size_t header = model.note<Held>().payload_at;
  net::PacketPtr packet = direction_.context.packet();
  if (packet == nullptr || header + payload.size() > net::Packet::kMaxPayload) {
    direction_.context.countDrop(Drop::kNoPacket);
    if (packet != nullptr) direction_.context.consume(std::move(packet));
    return false;
  }
  packet->copyEnvelope(model);
  packet->resize(header + payload.size());
  uint8_t* data = packet->mutableData().data();
  std::copy_n(model.data().data(), header, data);
  std::copy(payload.begin(), payload.end(), data + header);
  data[0] &= 0xDF;  // no padding
  data[1] &= 0x7F;  // no marker
  writeU16(data + 2, sequence);
  writeU32(data + 4, timestamp);
  direction_.pass(std::move(packet));
  return true;
}

}  // namespace sluice::opus_filter
