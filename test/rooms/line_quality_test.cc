#include "source/rooms/line_quality.h"

#include <doctest/doctest.h>

namespace sluice::rooms {
namespace {

TEST_CASE("LineQuality has the last round trip and how many there were") {
  LineQuality line;
  CHECK(line.roundTrip() == 0ms);
  CHECK(line.roundTrips() == 0);
  line.onRoundTrip(40ms);
  line.onRoundTrip(60ms);
  CHECK(line.roundTrip() == 60ms);
  CHECK(line.roundTrips() == 2);
}

TEST_CASE("the uplink's loss is the one before concealment, as long as a filter conceals") {
  LineQuality line;
  line.setRoutedLoss(0.01);
  CHECK(line.uplinkLoss() == 0.01);
  line.setLossBeforeConcealment(0.2);
  line.setRoutedLoss(0);
  CHECK(line.uplinkLoss() == 0.2);
  line.clearLossBeforeConcealment();
  CHECK(line.uplinkLoss() == 0);
  line.setDownlinkLoss(0.5);
  CHECK(line.downlinkLoss() == 0.5);
}

TEST_CASE("LineQuality is handed over, with the loss before concealment as that of the router") {
  Descriptors none;
  LineQuality before, after;
  before.onRoundTrip(30ms);
  before.setDownlinkLoss(0.1);
  before.setRoutedLoss(0.02);
  before.setLossBeforeConcealment(0.3);
  Archive out(none);
  before.archive(out);
  const std::string bytes = out.takeBytes();
  Archive in(asBytes(bytes), none);
  after.archive(in);
  CHECK(in.ok());
  CHECK(in.atEnd());
  CHECK(after.roundTrip() == 30ms);
  CHECK(after.roundTrips() == 1);
  CHECK(after.downlinkLoss() == 0.1);
  CHECK(after.uplinkLoss() == 0.3);
}

}  // namespace
}  // namespace sluice::rooms
