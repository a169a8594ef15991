// Datagrams of every kind into the shipped voice chain, from an address that has authenticated and from one
// that has not. An input is a list of (flags, size, bytes).
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "filters/dtls_srtp/dtls_srtp.h"
#include "filters/marker/marker.h"
#include "filters/pacer/pacer.h"
#include "filters/rtp_router/rtp_router.h"
#include "filters/stun_turn/stun_turn.h"
#include "source/crypto/certificate.h"
#include "test/support/harness.h"

namespace {

using namespace sluice;

const auto& dtlsContext() {
  static const auto kContext = crypto::DtlsContext::make(crypto::Certificate::generate());
  return kContext;
}

rooms::PlayerPtr makePlayer() {
  rooms::Negotiated negotiated;
  negotiated.local = {"ufrag", "a password of 24 letters"};
  negotiated.sending.emplace();
  negotiated.sending->mid = "0";
  negotiated.slots.resize(2);
  negotiated.slots[0].ssrc = 1;
  negotiated.slots[1].ssrc = 2;
  return std::make_shared<rooms::Player>(std::make_shared<rooms::Room>("room", 1), "player", negotiated);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ManualClock clock;
  test::FakeWorker worker(clock);
  test::ChainHarness chain(worker, {{marker::filterType(), "egress { all { dscp: 46 ttl: 64 } }"},
                                    {stun_turn::filterType(), ""},
                                    {dtls_srtp::filterType(), ""},
                                    {pacer::filterType(), ""},
                                    {rtp_router::filterType(), ""}});
  chain.dtls = dtlsContext();
  chain.session.known_player = makePlayer();
  const net::Address stranger = *net::Address::parse("203.0.113.9:9999");
  const Bytes input(data, size);
  for (size_t at = 0; at + 3 <= input.size();) {
    const uint8_t flags = input[at];
    const size_t length = std::min<size_t>({readU16(&input[at + 1]) % 1500u, input.size() - at - 3});
    const Bytes datagram = input.subspan(at + 3, length);
    at += 3 + length;
    if ((flags & 1) != 0) chain.session.authenticate(chain.session.selected);
    const size_t responses = chain.outer.size();
    const bool proven = (flags & 2) != 0 && !chain.session.authenticated.empty();
    chain.ingress(datagram, proven ? chain.session.selected : stranger);
    size_t response_bytes = 0;
    for (size_t i = responses; i < chain.outer.size(); ++i) response_bytes += chain.outer[i].data.size();
    if (!proven && response_bytes >= 3 * std::max<size_t>(datagram.size(), 1)) std::abort();
    if ((flags & 4) != 0) {
      clock.advance(std::chrono::milliseconds{flags});
      worker.timers().run();
    }
    if (!chain.session.closed.empty()) break;
  }
  chain.closeChain();
  // Every packet that arrived was sent, dropped or consumed.
  if (worker.pool().unaccounted() != 0) std::abort();
  return 0;
}
