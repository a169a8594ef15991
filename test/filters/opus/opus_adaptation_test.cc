// The loss that adaptation measures on a line whose gaps the opus filter fills.
#include <random>

#include "filters/adaptation/adaptation.h"
#include "filters/rtp_router/rtp_router.h"
#include "test/filters/opus/opus_fixture.h"

namespace sluice {
namespace {

using namespace test;

TEST_CASE("adaptation measures the loss of the line, regardless of what the opus filter fills") {
  for (const char* mode : {"REORDER", "CONCEAL", "TRANSCODE"}) {
    CAPTURE(mode);
    ManualClock clock;
    FakeWorker worker{clock};
    rooms::Directory directory{{}, 1, clock};
    ChainHarness chain(worker, {{adaptation::filterType(), ""},
                                {opus_filter::filterType(), "ingress { mode: " + std::string(mode) + " }"},
                                {rtp_router::filterType(), "rtcp_interval_ms: 1000"}});
    rooms::Negotiated negotiated;
    negotiated.sending.emplace();
    negotiated.sending->opus_payload_type = kOpus;
    negotiated.slots.resize(1);
    negotiated.slots[0].ssrc = 9;
    const rooms::PlayerPtr player = *directory.join("room", "speaker", negotiated);
    player->observed.connected = true;
    chain.directory = &directory;
    chain.session.known_player = player;

    const auto payloads = encode(voiceSignal(1, 150), kWithLbrr);
    std::mt19937 random(1);
    double worst = 0;  // of the reports
    for (uint32_t i = 0; i < 1'000; ++i) {
      if (random() % 8 != 0) {
        chain.ingress(rtpPacket(static_cast<uint16_t>(i), i * 960, payloads[i % payloads.size()]));
      }
      clock.advance(20ms);
      worker.timers().run();
      worker.runMain();
      worst = std::max(worst, player->line.uplinkLoss());
    }
    CHECK(worst > 0.1);
    REQUIRE(player->advice);
    CHECK(player->advice->fec);
    CHECK(player->advice->expected_loss_percent >= 10);
  }
}

}  // namespace
}  // namespace sluice
