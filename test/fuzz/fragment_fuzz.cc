// Datagrams of every kind through `fragment`, both ways, with time passing. An input is a list of (flags,
// size, bytes).
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "filters/fragment/fragment.h"
#include "filters/fragment/fragment_header.h"
#include "test/support/harness.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice;
  ManualClock clock;
  test::FakeWorker worker(clock);
  test::ChainHarness chain(worker, {{fragment::filterType(), "max_messages: 4 max_datagram_bytes: 256"}});
  const net::Address other = *net::Address::parse("203.0.113.9:9999");
  const Bytes input(data, size);
  for (size_t at = 0; at + 3 <= input.size();) {
    const uint8_t flags = input[at];
    const size_t length = std::min<size_t>(readU16(&input[at + 1]) % 1501u, input.size() - at - 3);
    const Bytes datagram = input.subspan(at + 3, length);
    at += 3 + length;
    if ((flags & 1) != 0) {
      chain.egress(datagram);
    } else {
      chain.ingress(datagram, (flags & 2) != 0 ? other : chain.session.selected);
    }
    if ((flags & 4) != 0) {
      clock.advance(300ms);
      worker.timers().run();
    }
  }
  for (const auto& message : chain.inner) {
    if (message.data.size() > net::Packet::kMaxPayload || fragment::isFragment(message.data)) std::abort();
    if (message.kind != classify(message.data)) std::abort();
  }
  chain.closeChain();
  if (worker.pool().unaccounted() != 0) std::abort();
  return 0;
}
