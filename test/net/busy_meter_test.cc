#include "source/net/busy_meter.h"

#include <doctest/doctest.h>

namespace sluice::net {
namespace {

TEST_CASE("BusyMeter: the share follows the last second") {
  BusyMeter meter;
  Instant now{1h};
  Duration busy{};
  const auto pass = [&](int readings, Duration busy_each) {
    for (int i = 0; i < readings; ++i) {
      now += 100ms;
      busy += busy_each;
      meter.read(now, busy);
    }
  };
  pass(10, 100ms);
  CHECK(meter.share() == 0);  // not yet known
  pass(11, 100ms);
  CHECK(meter.share() == 1);
  pass(5, 0ms);
  CHECK(meter.share() == doctest::Approx(0.5));
  pass(5, 0ms);
  CHECK(meter.share() == 0);
  pass(10, 70ms);
  CHECK(meter.share() == doctest::Approx(0.7));
}

}  // namespace
}  // namespace sluice::net
