#include "test/bench/quality/strategy.h"

#include "filters/opus/opus.h"
#include "test/bench/quality/filtered_receiver.h"

namespace sluice::quality {
namespace {

constexpr Duration kShort = 60ms;
constexpr Duration kLong = 100ms;  // leaves time for detecting a loss and a round trip of 40 ms

auto buffer(Duration delay, bool use_fec = false) {
  return [=] { return std::make_unique<FixedBuffer>(use_fec, delay); };
}
auto adaptive(bool use_fec = false) {
  return [=] { return std::make_unique<AdaptiveBuffer>(use_fec); };
}
// The receiver behind it adapts to the delay of frames that were rebuilt when the next packet arrived.
auto behindOpus(const char* config) {
  return [=] {
    return std::make_unique<FilteredReceiver>(
        std::vector<test::FilterConfig>{{opus_filter::filterType(), config}},
        std::make_unique<AdaptiveBuffer>(false));
  };
}

}  // namespace

std::vector<Strategy> strategies() {
  return {
      {.name = "none", .receiver = buffer(kShort)},
      {.name = "fec", .fec = true, .receiver = buffer(kShort, true)},
      {.name = "red1", .redundancy = 1, .receiver = buffer(kShort)},
      {.name = "red2", .redundancy = 2, .receiver = buffer(kShort)},
      {.name = "nack", .nack = true, .receiver = buffer(kLong)},
      {.name = "nack+fec", .fec = true, .nack = true, .receiver = buffer(kLong, true)},
      {.name = "jb", .receiver = adaptive()},
      {.name = "jb+fec", .fec = true, .receiver = adaptive(true)},
      {.name = "jb+red1", .redundancy = 1, .receiver = adaptive()},
      {.name = "conceal", .receiver = behindOpus("ingress { mode: CONCEAL }")},
      {.name = "conceal+fec", .fec = true, .receiver = behindOpus("ingress { mode: CONCEAL }")},
      {.name = "repair nack", .receiver = buffer(kLong), .repair = RepairedPath::Config{.nack = true}},
      {.name = "repair red", .receiver = buffer(kShort), .repair = RepairedPath::Config{.red = true}},
      {.name = "repair all",
       .fec = true,
       .receiver = buffer(kLong, true),
       .repair = RepairedPath::Config{.nack = true, .red = true}},
      {.name = "jb+nack", .nack = true, .receiver = adaptive()},
  };
}

}  // namespace sluice::quality
