// The cost per packet of a filter in a shared object: a chain with a module that passes everything, compared
// with the same chain with a C++ filter that does. CPU time, alternating.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <vector>

#include "filters/marker/marker.h"
#include "filters/module/module.h"
#include "test/support/harness.h"

namespace sluice {
namespace {

constexpr int kPackets = 2'000'000;
constexpr int kRounds = 7;

double cpuNs() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e9 * static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec);
}

double measure(std::vector<test::FilterConfig> filters) {
  ManualClock clock;
  test::FakeWorker worker(clock);
  test::ChainHarness chain(worker, std::move(filters));
  chain.record = false;
  const std::vector<uint8_t> packet(160, 0x80);
  for (int i = 0; i < 10'000; ++i) chain.ingress(packet);
  const double begin = cpuNs();
  for (int i = 0; i < kPackets; ++i) chain.ingress(packet);
  return (cpuNs() - begin) / kPackets;
}

}  // namespace
}  // namespace sluice

int main() {
  using namespace sluice;
  const test::FilterConfig marker{marker::filterType(), ""};
  const test::FilterConfig noop{module::filterType(), "file: 'test/bench/noop.so'"};
  std::vector<double> differences;
  for (int round = 1; round <= kRounds; ++round) {
    const double plain = measure({marker});
    const double with = measure({marker, noop});
    differences.push_back(with - plain);
    std::printf("round %d: %.1f ns without, %.1f ns with a module\n", round, plain, with);
  }
  std::sort(differences.begin(), differences.end());
  std::printf("a module that passes all costs %.1f ns a packet (%.1f to %.1f)\n", differences[kRounds / 2],
              differences.front(), differences.back());
  return 0;
}
