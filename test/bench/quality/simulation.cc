#include "test/bench/quality/simulation.h"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "source/codec/red.h"

namespace sluice::quality {
namespace {

constexpr Instant kStart{1h};
constexpr size_t kBelowRtp = 20 + 8 + 16;  // IPv4, UDP, the tag of AEAD_AES_128_GCM
constexpr size_t kHeaders = kBelowRtp + 12;
constexpr size_t kNackSize = 20 + 8 + 16 + 4 + 16;
constexpr size_t kRtxHeader = 2;  // RFC 4588 section 4
constexpr Duration kPatience =
    10ms;  // before a gap counts as a loss, and in addition to a round trip before the next request
constexpr size_t kMaxNackDistance = 100;

class Simulation {
 public:
  Simulation(const std::vector<Payload>& speech, const Line& line, const Strategy& strategy, uint64_t seed)
      : speech_(speech),
        line_(line),
        strategy_(strategy),
        receiver_(strategy.receiver()),
        forward_(line.forward, seed),
        back_({.loss = line.forward.loss, .delay = line.forward.delay}, ~seed) {
    if (strategy.repair) path_ = std::make_unique<RepairedPath>(*strategy.repair, line.roundTrip());
  }

  Outcome run() {
    out_.frames = speech_.size();
    out_.heard.resize(speech_.size() * kFrameSamples);
    sequences_.reserve(speech_.size());
    for (size_t sent = 0; const Payload& payload : speech_) {
      sequences_.push_back(sent);
      sent += !payload.empty();
    }
    for (size_t n = 0; n < speech_.size(); ++n) at(sentAt(n), [this, n] { send(n); });
    for (;;) {
      const Instant next = events_.empty() ? Instant::max() : events_.begin()->first;
      const Instant due = receiver_->due();
      const Instant repair = path_ ? path_->due() : Instant::max();
      if (repair < std::min(next, due) && std::min(next, due) != Instant::max()) {
        now_ = std::max(now_, repair);
        path_->run(now_);
        transmitRepaired();
      } else if (due < next) {
        now_ = std::max(now_, due);
        if (!play()) return finish();
      } else if (next == Instant::max()) {
        return finish();
      } else {
        const auto event = events_.extract(events_.begin());
        now_ = event.key();
        event.mapped()();
      }
    }
  }

 private:
  static Instant sentAt(size_t frame) { return kStart + kFrame * static_cast<int64_t>(frame + 1); }
  void at(Instant when, std::function<void()> event) { events_.emplace(when, std::move(event)); }

  // Sends through the line; `arrive` runs for each copy that passes.
  void transmit(impair::Impairment& line, size_t size, const std::function<void()>& arrive) {
    out_.bytes += size;
    for (const impair::Outcome& outcome : line.decide(size, now_)) {
      if (outcome.kind == impair::Outcome::kPassed) at(outcome.release, arrive);
    }
  }

  Outcome finish() {
    if (path_) out_.retransmitted = path_->resent();
    if (path_) out_.too_late = path_->late();
    return std::move(out_);
  }

  // Sends what the path's ends have to send, and reads the packets that passed.
  void transmitRepaired() {
    for (const Payload& packet : path_->forward()) {
      transmit(forward_, kBelowRtp + packet.size(), [this, packet] {
        path_->onForward(packet, now_);
        transmitRepaired();
      });
    }
    for (const Payload& packet : path_->back()) {
      transmit(back_, kBelowRtp + packet.size(), [this, packet] {
        path_->onBack(packet, now_);
        transmitRepaired();
      });
    }
    for (const auto& frame : path_->frames()) {
      receiver_->onFrame(frame.number, frame.sequence, frame.payload, now_);
    }
  }

  void send(size_t frame) {
    if (speech_[frame].empty()) return;
    if (path_) {
      path_->send(frame, sequences_[frame], speech_[frame], now_);
      return transmitRepaired();
    }
    size_t redundant = 0;
    while (redundant < std::min(strategy_.redundancy, frame) && !speech_[frame - redundant - 1].empty()) {
      ++redundant;
    }
    size_t size = kHeaders + (strategy_.redundancy > 0 ? red::headerSize(redundant) : 0);
    for (size_t n = frame - redundant; n <= frame; ++n) size += speech_[n].size();
    transmit(forward_, size, [=, this] {
      for (size_t n = frame - redundant; n <= frame; ++n) arrive(n);
      lookForGaps(frame);
    });
  }

  void arrive(size_t frame) {
    arrived_.insert(frame);
    receiver_->onFrame(frame, sequences_[frame], speech_[frame], now_);
  }

  void lookForGaps(size_t newest) {
    if (!strategy_.nack) return;
    const size_t oldest = newest > kMaxNackDistance ? newest - kMaxNackDistance : 0;
    for (size_t n = std::max(oldest, seen_up_to_); n < newest; ++n) {
      if (!speech_[n].empty() && !arrived_.contains(n)) at(now_ + kPatience, [this, n] { ask(n); });
    }
    seen_up_to_ = std::max(seen_up_to_, newest + 1);
  }

  void ask(size_t frame) {
    if (arrived_.contains(frame) || now_ + line_.roundTrip() > receiver_->deadline(frame)) return;
    transmit(back_, kNackSize, [this, frame] {
      ++out_.retransmitted;
      transmit(forward_, kHeaders + kRtxHeader + speech_[frame].size(), [this, frame] {
        if (now_ > receiver_->deadline(frame)) ++out_.too_late;
        arrive(frame);
      });
    });
    at(now_ + line_.roundTrip() + kPatience, [this, frame] { ask(frame); });
  }

  // False when the speech has ended.
  bool play() {
    int16_t samples[kFrameSamples];
    const auto result = receiver_->play(now_, samples);
    if (!result) return true;
    const Played& played = *result;
    if (played.frame >= speech_.size()) return false;
    if (last_played_ != Instant{}) out_.stretched += std::max(Duration::zero(), now_ - last_played_ - kFrame);
    last_played_ = now_;
    std::copy(std::begin(samples), std::end(samples),
              out_.heard.begin() + static_cast<ptrdiff_t>(played.frame * kFrameSamples));
    // In a pause that the receiver has detected, it misses the frames that were sent in it; in any other
    // pause, it misses all frames.
    const bool missed = played.kind == Played::kPause && !speech_[played.frame].empty();
    out_.concealed += missed || played.kind == Played::kConcealed;
    out_.recovered += played.kind == Played::kRecovered;
    const Instant sent = sentAt(played.frame);
    if (sent > kStart + kSettled && played.kind != Played::kPause)
      out_.delays.push_back(now_ - sent - line_.forward.delay);
    return true;
  }

  const std::vector<Payload>& speech_;
  std::vector<size_t> sequences_;  // by frame: how many were sent before it
  const Line& line_;
  const Strategy& strategy_;
  const std::unique_ptr<Receiver> receiver_;
  impair::Impairment forward_;
  impair::Impairment back_;
  std::multimap<Instant, std::function<void()>> events_;
  Instant now_ = kStart;
  Instant last_played_{};
  std::set<size_t> arrived_;
  size_t seen_up_to_ = 0;               // gaps before this one were checked
  std::unique_ptr<RepairedPath> path_;  // null: no repair
  Outcome out_;
};

}  // namespace

Outcome simulate(const std::vector<Payload>& speech, const Line& line, const Strategy& strategy,
                 uint64_t seed) {
  return Simulation(speech, line, strategy, seed).run();
}

}  // namespace sluice::quality
