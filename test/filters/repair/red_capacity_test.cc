#include "filters/repair/red_capacity.h"

#include <doctest/doctest.h>

namespace sluice::repair {
namespace {

constexpr Instant kStart{1h};

// On a line that loses 10 % without RED, "much more" begins at 18 %.
struct Line {
  bool update(bool sent, double loss) { return capacity.update(sent, loss, now); }
  bool updateAfter(Duration passed, bool sent, double loss) {
    now += passed;
    return update(sent, loss);
  }
  // RED begins, and after the trial the line loses `loss`.
  bool tryRed(double loss) {
    update(false, 0.1);
    update(true, 0.3);  // RED may have been sent for a part of this report
    return updateAfter(6s, true, loss);
  }

  RedCapacity capacity;
  Instant now = kStart;
};

TEST_CASE("RED may be sent on a line that is not known yet, whatever it loses") {
  Line line;
  CHECK(line.update(false, 0));
  CHECK(line.updateAfter(1h, false, 0.9));
  CHECK(line.update(true, 0.9));
}

TEST_CASE("the effect of RED is judged after six seconds, not before") {
  Line line;
  line.update(false, 0.1);
  CHECK(line.update(true, 0.1));
  CHECK(line.update(true, 0.9));
  CHECK(line.updateAfter(6s - 1ns, true, 0.9));
  CHECK_FALSE(line.updateAfter(1ns, true, 0.9));
}

TEST_CASE("a line that loses somewhat more with RED may have it, one that loses much more may not") {
  CHECK(Line().tryRed(0.179));
  CHECK_FALSE(Line().tryRed(0.181));
}

TEST_CASE("on a line that lost nothing, chance is not taken for an effect of RED") {
  for (const double loss : {0.029, 0.031}) {
    Line line;
    line.update(false, 0);
    line.update(true, 0);
    CHECK(line.updateAfter(6s, true, loss) == (loss < 0.03));
  }
}

TEST_CASE("a line that RED did no harm is watched further, against its loss after the trial") {
  Line line;
  CHECK(line.tryRed(0.16));
  CHECK(line.updateAfter(1h, true, 0.26));  // much more than 10 %, but not than 16 %
  CHECK_FALSE(line.update(true, 0.28));
}

TEST_CASE("a line that loses much less without RED gets none for thirty seconds, then another chance") {
  Line line;
  CHECK_FALSE(line.tryRed(0.3));
  CHECK_FALSE(line.updateAfter(16s, false, 0.1));
  CHECK_FALSE(line.updateAfter(30s - 1ns, false, 0.1));
  CHECK(line.updateAfter(1ns, false, 0.1));
  CHECK(line.update(true, 0.1));
  CHECK_FALSE(line.updateAfter(6s, true, 0.3));
}

TEST_CASE("the effect of no RED is judged after sixteen seconds, not before") {
  Line line;
  CHECK_FALSE(line.tryRed(0.3));
  CHECK_FALSE(line.updateAfter(16s - 1ns, false, 0.3));
  CHECK(line.updateAfter(1ns, false, 0.3));
}

TEST_CASE("a line that loses as much without RED has become worse for another reason, and gets it back") {
  Line line;
  CHECK_FALSE(line.tryRed(0.3));
  CHECK(line.updateAfter(16s, false, 0.25));
  CHECK(line.updateAfter(1s, true, 0.4));
  CHECK_FALSE(line.update(true, 0.41));
}

TEST_CASE("a trial that is interrupted begins again, against the loss since then") {
  Line line;
  line.update(false, 0.1);
  line.update(true, 0.1);
  CHECK(line.updateAfter(5s, false, 0.3));
  CHECK(line.update(true, 0.9));
  CHECK(line.updateAfter(5s, true, 0.9));
  CHECK(line.updateAfter(1s, true, 0.47));
}

TEST_CASE("while no RED is sent, the loss to compare with follows the line") {
  Line line;
  CHECK(line.tryRed(0.1));
  CHECK(line.updateAfter(1s, false, 0.1));
  CHECK(line.updateAfter(1s, false, 0.4));
  CHECK(line.update(true, 0.9));
  CHECK(line.updateAfter(6s, true, 0.6));
}

}  // namespace
}  // namespace sluice::repair
