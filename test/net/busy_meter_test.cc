#include "source/net/busy_meter.h"

#include <doctest/doctest.h>

namespace sluice::net {
namespace {

TEST_CASE("the share follows the last second") {
  BusyMeter meter;
  Instant now{1h};
  Duration idle{};
  const auto pass = [&](int readings, Duration idle_each) {
    for (int i = 0; i < readings; ++i) {
      now += 100ms;
      idle += idle_each;
      meter.read(now, idle);
    }
  };
  pass(10, 0ms);
  CHECK(meter.share() == 0);  // not yet known
  pass(11, 0ms);
  CHECK(meter.share() == 1);
  pass(5, 100ms);
  CHECK(meter.share() == doctest::Approx(0.5));
  pass(5, 100ms);
  CHECK(meter.share() == 0);
  pass(10, 30ms);
  CHECK(meter.share() == doctest::Approx(0.7));
}

}  // namespace
}  // namespace sluice::net
