// Any reports of a player and its receivers about their lines, and the profiles that adaptation then advises.
// An input is a configuration and a list of (round trip, losses, load, time).
#include <cstdint>
#include <cstdlib>

#include "filters/adaptation/adaptation.h"
#include "source/codec/rtcp.h"
#include "test/fuzz/input.h"
#include "test/support/harness.h"

namespace {

using namespace sluice;

constexpr const char* kConfigs[] = {
    "", "hold_ms: 1000 interval_ms: 100 events: false",
    "rtt_high_ms: 100 rtt_low_ms: 50 loss_high_percent: 2 loss_low_percent: 1",
    "remb: false listener_loss_percentile: 0 bitrate_bps: 24000"};

std::vector<test::FilterConfig> filtersOf(unsigned which) {
  return {{adaptation::filterType(), kConfigs[which % 4]}};
}

rooms::PlayerPtr join(rooms::Directory& directory) {
  rooms::Negotiated negotiated;
  negotiated.sending.emplace().feedback = {.remb = true, .tmmbr = true};
  negotiated.slots.resize(1);
  negotiated.slots[0].ssrc = 9;
  const rooms::PlayerPtr player = *directory.join("room", "speaker", negotiated);
  player->observed.connected = true;
  player->observed.ssrc = 7;
  return player;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  ManualClock clock;
  test::FakeWorker worker(clock);
  rooms::Directory directory({}, 1, clock);
  test::ChainHarness chain(worker, filtersOf(input.u8()));
  chain.directory = &directory;
  chain.session.known_player = join(directory);
  chain.chain();
  while (!input.atEnd()) {
    rooms::LineQuality& line = chain.session.known_player->line;
    const uint8_t what = input.u8();
    if ((what & 3u) != 0) line.onRoundTrip(std::chrono::microseconds{input.u16() * (what + 1u)});
    line.setRoutedLoss(input.u16() % 1001u / 1000.0);
    worker.busy_share = input.u8() / 255.0;
    if ((what & 0xF0) == 0x10) chain.reload(filtersOf(what));
    if ((what & 0xF0) == 0x20) chain.egress(input.bytes(net::Packet::kMaxPayload), PacketKind::kRtcp);
    if ((what & 0xF0) == 0x30) chain.ingress(input.bytes(net::Packet::kMaxPayload));
    clock.advance(std::chrono::milliseconds{input.u8() * 8});
    worker.timers().run();
    worker.runMain();
  }
  if (const auto& advice = chain.session.known_player->advice) {
    if (advice->bitrate_bps < 6000 || advice->frame_ms == 0 || advice->expected_loss_percent > 100)
      std::abort();
  }
  chain.closeChain();
  if (worker.pool().unaccounted() != 0) std::abort();
  return 0;
}
