// Configurations of impair, and packets through them, while time passes and the configuration changes. An
// input is a list of (kind, size, bytes); a configuration is made of an input's bytes.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "filters/impair/impair.h"
#include "source/base/log.h"
#include "test/fuzz/input.h"
#include "test/support/harness.h"

namespace {

using namespace sluice;

std::string percent(fuzz::Input& input) {
  return std::to_string(input.u8() * 100 / 255);
}

std::string direction(fuzz::Input& input) {
  constexpr const char* kDistributions[] = {"UNIFORM", "NORMAL", "HEAVY_TAIL"};
  std::string out;
  const uint8_t has = input.u8();
  if ((has & 1) != 0) out += " loss { percent: " + percent(input) + " }";
  if ((has & 2) != 0) out += " delay_ms: " + std::to_string(input.u8());
  if ((has & 4) != 0) {
    out += " jitter { max_ms: " + std::to_string(1 + input.u8()) +
           " distribution: " + kDistributions[input.u8() % 3] +
           ((has & 128) != 0 ? " keep_order: true" : "") + " }";
  }
  if ((has & 8) != 0) out += " reorder { percent: " + percent(input) + " by_ms: 30 }";
  if ((has & 16) != 0) out += " duplicate_percent: " + percent(input);
  if ((has & 32) != 0) out += " corrupt_percent: " + percent(input);
  if ((has & 64) != 0) {
    out += " max_held: " + std::to_string(1 + input.u8()) +
           " rate { bps: " + std::to_string(8000 + input.u16()) +
           " max_queue_ms: " + std::to_string(1 + input.u8()) + " }";
  }
  return out;
}

std::vector<test::FilterConfig> filtersOf(fuzz::Input& input) {
  const std::string seed = std::to_string(input.u8());
  const std::string in = direction(input), out = direction(input);
  return {{impair::filterType(), "seed: " + seed + " ingress {" + in + " } egress {" + out + " }"}};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  log::setLevel("error");  // the filter logs a warning whenever it is configured
  fuzz::Input input(data, size);
  ManualClock clock;
  test::FakeWorker worker(clock);
  test::ChainHarness chain(worker, filtersOf(input));
  chain.record = false;
  while (!input.atEnd()) {
    const uint8_t kind = input.u8();
    switch (kind & 7) {
      case 0:
        chain.reload(filtersOf(input));
        break;
      case 1:
        chain.chain().flush();
        break;
      case 2:
      case 3:
        clock.advance(std::chrono::milliseconds{kind});
        worker.timers().run();
        break;
      case 4:
      case 5:
        chain.egress(input.bytes(net::Packet::kMaxPayload),
                     (kind & 8) != 0 ? PacketKind::kRtcp : PacketKind::kRtp);
        break;
      default:
        chain.ingress(input.bytes(net::Packet::kMaxPayload));
    }
  }
  chain.closeChain();
  if (worker.pool().unaccounted() != 0) std::abort();
  return 0;
}
