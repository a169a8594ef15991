// RTP with any payload through the opus filter, in all of its modes. An input is a mode and a list of (flags,
// step, size, payload): the step is that of the sequence number, and so causes gaps, repetitions and
// restarts.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "filters/opus/opus.h"
#include "source/codec/rtp.h"
#include "test/support/harness.h"

namespace {

using namespace sluice;

constexpr const char* kConfigs[] = {
    "ingress {} egress { mode: CONCEAL }",
    "ingress { mode: CONCEAL jitter_buffer { min_frames: 4 max_frames: 8 } } egress {}",
    "ingress { mode: TRANSCODE max_streams: 2 } egress { mode: TRANSCODE }",
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  ManualClock clock;
  test::FakeWorker worker(clock);
  test::ChainHarness chain(worker, {{opus_filter::filterType(), kConfigs[data[0] % 3]}});
  chain.record = false;
  const Bytes input(data, size);
  uint16_t sequence = 0xFFF0;
  uint32_t timestamp = 0xFFFF0000;
  for (size_t at = 1; at + 4 <= input.size();) {
    const uint8_t flags = input[at];
    const auto step = static_cast<int8_t>(input[at + 1]);
    const size_t length = std::min<size_t>(readU16(&input[at + 2]) % 1400u, input.size() - at - 4);
    const Bytes payload = input.subspan(at + 4, length);
    at += 4 + length;
    sequence = static_cast<uint16_t>(sequence + step * ((flags & 1) != 0 ? 300 : 1));
    timestamp += static_cast<uint32_t>(step * ((flags & 2) != 0 ? 480'000 : 960));
    std::vector<uint8_t> packet(rtp::kHeaderSize + length);
    rtp::write({.payload_type = static_cast<uint8_t>((flags & 4) != 0 ? 0 : 111),
                .sequence = sequence,
                .timestamp = timestamp,
                .ssrc = flags & 8u},
               packet.data());
    std::copy(payload.begin(), payload.end(), packet.begin() + rtp::kHeaderSize);
    if ((flags & 16) != 0 && length >= 4) {  // as RTCP
      chain.egress(payload, PacketKind::kRtcp);
    } else if ((flags & 32) != 0) {
      chain.egress(packet);
    } else {
      chain.ingress(packet);
    }
    worker.busy_share = (flags & 3) == 3 ? 0.9 : 0;
    if ((flags & 128) != 0) chain.reload({{opus_filter::filterType(), kConfigs[flags % 3]}});
    clock.advance((flags & 64) != 0 ? 0ms : 20ms);
    worker.timers().run();
  }
  chain.closeChain();
  // Every packet that arrived was sent, dropped or consumed.
  if (worker.pool().unaccounted() != 0) std::abort();
  return 0;
}
