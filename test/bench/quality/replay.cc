// Replays packets that another jitter buffer received through media::JitterBuffer: a capture on standard
// input, one packet per line, "ARRIVAL_US SEQUENCE TIMESTAMP", in order of arrival. For the packets after the
// warm-up it prints "PACKETS LATE MISSING MEAN_HELD_MS P95_HELD_MS".
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "test/support/jitter_buffer_config.h"

namespace sluice::quality {
namespace {

constexpr uint32_t kSamples = 960;  // of a frame

class Replay {
 public:
  explicit Replay(Duration warm_up) : warm_up_(warm_up) {}

  void onPacket(Instant arrival, uint16_t sequence, uint32_t timestamp) {
    if (begin_ == Instant{}) begin_ = arrival;
    playUntil(arrival);
    using enum media::JitterBuffer::Verdict;
    const auto insertion = buffer_.insert(sequence, timestamp, kSamples, arrival);
    if (insertion.verdict == kHeld) arrived_[insertion.place] = arrival;
    if (!counts(arrival)) return;
    ++packets_;
    late_ += insertion.verdict == kLate;
  }

  void print() {
    playUntil(Instant::max());
    std::sort(held_ms_.begin(), held_ms_.end());
    const double sum = std::accumulate(held_ms_.begin(), held_ms_.end(), 0.0);
    const double mean = held_ms_.empty() ? 0 : sum / static_cast<double>(held_ms_.size());
    const double p95 = held_ms_.empty() ? 0 : held_ms_[held_ms_.size() * 95 / 100];
    std::printf("%zu %zu %zu %.1f %.1f\n", packets_, late_, missing_, mean, p95);
  }

 private:
  bool counts(Instant at) const { return at >= begin_ + warm_up_; }

  void playUntil(Instant now) {
    while (buffer_.due() <= now && buffer_.due() != Instant::max()) {
      const auto out = buffer_.pop(buffer_.due());
      if (out.kind == media::JitterBuffer::Out::Kind::kGap && counts(out.due)) ++missing_;
      if (out.kind != media::JitterBuffer::Out::Kind::kFrame || !counts(arrived_[out.place])) continue;
      held_ms_.push_back(std::chrono::duration<double, std::milli>(out.due - arrived_[out.place]).count());
    }
  }

  const Duration warm_up_;
  media::JitterBuffer buffer_{test::kJitterBuffer};
  std::array<Instant, media::JitterBuffer::kMaxFrames> arrived_{};
  Instant begin_{};
  size_t packets_ = 0, late_ = 0, missing_ = 0;
  std::vector<double> held_ms_;
};

}  // namespace
}  // namespace sluice::quality

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s WARM_UP_SECONDS < CAPTURE\n", argv[0]);
    return 2;
  }
  sluice::quality::Replay replay(std::chrono::seconds{std::atoi(argv[1])});
  long long arrival = 0;
  unsigned sequence = 0, timestamp = 0;
  while (std::scanf("%lld %u %u", &arrival, &sequence, &timestamp) == 3) {
    replay.onPacket(sluice::Instant(std::chrono::microseconds{arrival}), static_cast<uint16_t>(sequence),
                    timestamp);
  }
  replay.print();
  return 0;
}
