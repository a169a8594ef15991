#include "filters/position_feed/replay_window.h"

#include <doctest/doctest.h>

#include <memory>
#include <thread>
#include <vector>

namespace sluice::position_feed {
namespace {

using Verdict = ReplayWindow::Verdict;

TEST_CASE("a number is accepted once, in any order within the window") {
  ReplayWindow window;
  struct Case {
    uint64_t sequence;
    Verdict verdict;
  };
  for (const Case& c : {
           Case{0, Verdict::kReplayed},
           {5, Verdict::kFresh},
           {3, Verdict::kFresh},
           {5, Verdict::kReplayed},
           {3, Verdict::kReplayed},
           {1028, Verdict::kFresh},
           {4, Verdict::kTooOld},
           {5, Verdict::kReplayed},
           {6, Verdict::kFresh},
           {1'000'000, Verdict::kFresh},
           {1'000'000 - 1024, Verdict::kTooOld},
           {1'000'000 - 1023, Verdict::kFresh},
           {1028, Verdict::kTooOld},
           {UINT64_MAX, Verdict::kFresh},
           {UINT64_MAX, Verdict::kReplayed},
           {UINT64_MAX - 1024, Verdict::kTooOld},
           {UINT64_MAX - 1, Verdict::kFresh},
           {0, Verdict::kTooOld},
       }) {
    CAPTURE(c.sequence);
    CHECK(window.accept(c.sequence) == c.verdict);
  }
}

TEST_CASE("threads that see the same numbers accept each of them at most once, and most of them once") {
  constexpr size_t kNumbers = 100'000;
  constexpr unsigned kThreads = 4;
  const auto window = std::make_unique<ReplayWindow>();
  std::vector<std::vector<uint8_t>> accepted(kThreads, std::vector<uint8_t>(kNumbers + 1));
  std::vector<std::thread> threads;
  for (auto& mine : accepted) {
    threads.emplace_back([&mine, &window] {
      for (size_t n = 1; n <= kNumbers; ++n) mine[n] = window->accept(n) == Verdict::kFresh;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t n = 1; n <= kNumbers; ++n) {
    unsigned times = 0;
    for (const auto& by : accepted) times += by[n];
    REQUIRE(times == 1);  // the first thread that reaches a number finds it inside of the window
  }
}

TEST_CASE("another process continues with the window") {
  ReplayWindow before;
  for (const uint64_t n : {7, 9, 2000}) CHECK(before.accept(n) == Verdict::kFresh);
  Descriptors none;
  Archive out(none);
  before.archive(out);
  const std::string bytes = out.takeBytes();
  ReplayWindow after;
  Archive in(asBytes(bytes), none);
  after.archive(in);
  REQUIRE(in.ok());
  CHECK(in.atEnd());
  CHECK(after.accept(9) == Verdict::kTooOld);
  CHECK(after.accept(2000) == Verdict::kReplayed);
  CHECK(after.accept(1500) == Verdict::kFresh);
  CHECK(after.accept(2001) == Verdict::kFresh);
}

}  // namespace
}  // namespace sluice::position_feed
