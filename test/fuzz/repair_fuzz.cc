// RED, RTX, RTP and RTCP with any content through repair and the router, from a speaker and from a receiver.
// An input is a list of (flags, step, size, bytes): the step is that of the sequence number.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "filters/repair/repair.h"
#include "filters/rtp_router/rtp_router.h"
#include "source/codec/rtp.h"
#include "test/support/harness.h"

namespace {

using namespace sluice;

constexpr uint8_t kOpus = 111, kRed = 63, kRtx = 97;
constexpr const char* kConfigs[] = {
    "", "uplink { red: true } downlink { redundancy: TWO max_overhead_percent: 300 }",
    "downlink { budget_ms: 1000 redundancy: ONE }", "uplink { nack: false } downlink { nack: false }"};

std::vector<test::FilterConfig> chainOf(unsigned which) {
  return {{repair::filterType(), kConfigs[which % 4]}, {rtp_router::filterType(), ""}};
}

struct Player {
  Player(test::FakeWorker& worker, rooms::Directory& directory, const std::string& name, uint32_t ssrc)
      : chain(worker, chainOf(0)) {
    rooms::AudioSection line;
    line.opus_payload_type = kOpus;
    line.red_payload_type = kRed;
    line.rtx_payload_type = kRtx;
    line.feedback.nack = true;
    rooms::Negotiated negotiated;
    negotiated.local = {name, "password"};
    negotiated.cname = name;
    static_cast<rooms::AudioSection&>(negotiated.sending.emplace()) = line;
    auto& slot = negotiated.slots.emplace_back();
    static_cast<rooms::AudioSection&>(slot) = line;
    slot.ssrc = ssrc;
    slot.rtx_ssrc = ssrc + 1;
    chain.directory = &directory;
    chain.session.known_player = *directory.join("room", name, negotiated);
    chain.session.known_player->observed.connected = true;
    chain.record = false;
    chain.chain();
  }
  test::ChainHarness chain;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ManualClock clock;
  test::FakeWorker worker(clock);
  {
    rooms::Directory directory({}, 1, clock);
    Player speaker(worker, directory, "speaker", 0x1000), receiver(worker, directory, "receiver", 0x2000);
    const Bytes input(data, size);
    uint16_t sequence = 0xFFF0;
    for (size_t at = 0; at + 4 <= input.size();) {
      const uint8_t flags = input[at];
      const auto step = static_cast<int8_t>(input[at + 1]);
      const size_t length = std::min<size_t>(readU16(&input[at + 2]) % 1400u, input.size() - at - 4);
      const Bytes bytes = input.subspan(at + 4, length);
      at += 4 + length;
      test::ChainHarness& chain = (flags & 1) != 0 ? receiver.chain : speaker.chain;
      if ((flags & 2) != 0) {
        chain.ingress(bytes);  // unchanged: usually RTCP
      } else {
        constexpr uint8_t kTypes[] = {kOpus, kRed, kRtx, 0};
        sequence = static_cast<uint16_t>(sequence + step);
        std::vector<uint8_t> packet(rtp::kHeaderSize + length);
        rtp::write({.payload_type = kTypes[flags >> 2 & 3],
                    .sequence = sequence,
                    .timestamp = sequence * 960u,
                    .ssrc = (flags & 16) != 0 ? 7u : 8u},
                   packet.data());
        if ((flags & 32) != 0) packet[0] |= 0x20;  // padding
        std::copy(bytes.begin(), bytes.end(), packet.begin() + rtp::kHeaderSize);
        chain.ingress(packet);
      }
      if ((flags & 64) != 0) chain.reload(chainOf(input[at - 1]));
      clock.advance((flags & 128) != 0 ? 200ms : 20ms);
      worker.timers().run();
    }
    speaker.chain.closeChain();
    receiver.chain.closeChain();
    worker.runMain();
  }
  // Every packet that arrived was sent, dropped or consumed.
  if (worker.pool().unaccounted() != 0) std::abort();
  return 0;
}
