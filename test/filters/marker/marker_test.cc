#include "filters/marker/marker.h"

#include <doctest/doctest.h>

#include "test/support/harness.h"

namespace sluice {
namespace {

using test::ChainHarness;

const std::vector<uint8_t> kData{1, 2, 3};

TEST_CASE("a packet keeps its ECN bits and gets the DSCP and TTL of its kind") {
  ManualClock clock;
  test::FakeWorker worker(clock);
  ChainHarness chain(
      worker, {{marker::filterType(),
                "egress { all { dscp: 46 ttl: 64 } rtcp { dscp: 10 } stun { ttl: 9 } dtls { dscp: 0 } }"}});
  struct Case {
    PacketKind kind;
    uint8_t tos, expected_tos, expected_ttl;
  };
  for (const Case& c :
       {Case{PacketKind::kRtp, 0, 46 << 2, 64}, Case{PacketKind::kRtp, 0xFF, 46 << 2 | 3, 64},
        Case{PacketKind::kRtcp, 1, 10 << 2 | 1, 64}, Case{PacketKind::kStun, 2, 46 << 2 | 2, 9},
        Case{PacketKind::kTurn, 0, 46 << 2, 9}, Case{PacketKind::kTurnChannel, 0, 46 << 2, 64},
        Case{PacketKind::kDtls, 0xFE, 2, 64}, Case{PacketKind::kOther, 0, 46 << 2, 64}}) {
    chain.egress(kData, c.kind, c.tos);
    CAPTURE(static_cast<int>(c.kind));
    CHECK(chain.outer.back().tos == c.expected_tos);
    CHECK(chain.outer.back().ttl == c.expected_ttl);
  }
}

TEST_CASE("each direction has separate marks, and without a mark a packet is unchanged") {
  ManualClock clock;
  test::FakeWorker worker(clock);
  ChainHarness chain(worker, {{marker::filterType(), "ingress { all { dscp: 8 } }"}});
  chain.ingress(kData);
  chain.egress(kData, PacketKind::kRtp, 0xB9);
  CHECK(chain.inner.back().tos == 8 << 2);
  CHECK(chain.inner.back().ttl == 0);
  CHECK(chain.outer.back().tos == 0xB9);
}

TEST_CASE("a reload changes the marks of live sessions without replacing the filter") {
  ManualClock clock;
  test::FakeWorker worker(clock);
  ChainHarness chain(worker, {{marker::filterType(), "egress { all { dscp: 1 } }"}});
  chain.egress(kData);
  chain.reload({{marker::filterType(), "egress { all { dscp: 2 } }"}});
  chain.egress(kData);
  CHECK(chain.outer[0].tos == 1 << 2);
  CHECK(chain.outer[1].tos == 2 << 2);
}

}  // namespace
}  // namespace sluice
