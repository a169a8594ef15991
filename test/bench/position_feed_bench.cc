// The CPU time that datagrams of a position feed take on a worker and on the main thread.
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "filters/position_feed/position_feed.h"
#include "source/control/room_states.h"
#include "source/rooms/directory.h"
#include "test/filters/position_feed/sender.h"
#include "test/support/harness.h"

namespace sluice {
namespace {

constexpr size_t kPlayers = 40;  // in a datagram
constexpr int kTicks = 500;

double cpuMicroseconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

struct Sink final : chain::PositionSink, control::StateSink {
  explicit Sink(const Clock& clock) : directory({}, 1, clock), states(directory, clock, *this) {}
  audibility::PositionOutcome move(const audibility::PositionUpdate& update) override {
    return states.move(update);
  }
  void publish(uint32_t, audibility::SnapshotPtr) override {}
  void forget(uint32_t) override {}

  rooms::Directory directory;
  control::RoomStates states;
};

// A room of `players`, all of whom move in each tick.
void measure(size_t players) {
  ManualClock clock;
  test::FakeWorker worker(clock);
  Sink sink(clock);
  std::vector<test::SentPlayer> all;
  for (size_t i = 0; i < players; ++i) {
    all.push_back({.id = "player" + std::to_string(i), .direction = {{0.5, 0.1}}});
    if (!sink.directory.join("lobby", all.back().id, {}).ok()) return;
  }
  const test::FilterConfig filter{position_feed::filterType(),
                                  "keys { secret: '" + test::kFeedSecret + "' }"};
  test::ChainHarness chain(worker, {filter});
  chain.positions = &sink;
  chain.reload({filter});
  test::Sender sender(clock);
  double on_worker = 0, on_main = 0, publishing = 0;
  size_t datagrams = 0, bytes = 0;
  for (int tick = 0; tick < kTicks; ++tick) {
    std::vector<std::vector<uint8_t>> sent;
    for (size_t i = 0; i < players; i += kPlayers) {
      const size_t count = std::min(kPlayers, players - i);
      for (size_t k = i; k < i + count; ++k) all[k].position = {{static_cast<float>(k + tick % 7), 0, 0}};
      const auto from = all.begin() + static_cast<std::ptrdiff_t>(i);
      sent.push_back(sender.datagram({from, from + static_cast<std::ptrdiff_t>(count)}));
    }
    datagrams += sent.size();
    bytes += sent[0].size();
    const double begin = cpuMicroseconds();
    for (const auto& datagram : sent) chain.ingress(datagram);
    const double posted = cpuMicroseconds();
    worker.runMain();
    const double moved = cpuMicroseconds();
    sink.states.publishMoves();
    publishing += cpuMicroseconds() - moved;
    on_main += moved - posted;
    on_worker += posted - begin;
    clock.advance(50ms);
  }
  const auto n = static_cast<double>(datagrams);
  std::printf(
      "%6zu players, %zu bytes for %zu of them: worker %.1f us, main thread %.1f us a datagram; publication "
      "%.1f us a tick\n",
      players, bytes / kTicks, kPlayers, on_worker / n, on_main / n, publishing / kTicks);
}

}  // namespace
}  // namespace sluice

int main() {
  for (const size_t players : {40, 400, 4000}) sluice::measure(players);
}
