// Clients and upstreams of forward, with sockets of each kind, while endpoints fail and configurations
// change. An input is a list of (kind, size, bytes).
#include <cstdint>
#include <cstdlib>
#include <string>

#include "filters/forward/forward.h"
#include "test/fuzz/input.h"
#include "test/support/harness.h"

namespace {

using namespace sluice;

constexpr const char* kSockets[] = {"", "sockets: SHARED max_shared_sockets: 2", "sockets: ONE_WAY",
                                    "idle_timeout_s: 1"};
const net::Address kEndpoints[] = {
    *net::Address::parse("10.0.0.1:7000"), *net::Address::parse("10.0.0.2:7000"),
    *net::Address::parse("[2001:db8::1]:7000"), *net::Address::parse("10.0.0.3:7000")};

std::vector<test::FilterConfig> filtersOf(unsigned which) {
  return {{forward::filterType(), std::string("cluster: 'up' ") + kSockets[which % 4]}};
}

std::shared_ptr<const chain::Cluster> clusterOf(unsigned which) {
  auto cluster = std::make_shared<chain::Cluster>();
  cluster->name = "up";
  for (unsigned i = 0; i < 3; ++i) cluster->endpoints.push_back(kEndpoints[(which + i) % 4]);
  cluster->policy =
      (which & 4) != 0 ? chain::Cluster::Policy::kRoundRobin : chain::Cluster::Policy::kSourceHash;
  return cluster;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input input(data, size);
  const uint8_t first = input.u8();
  ManualClock clock;
  test::FakeWorker worker(clock);
  test::FakeNetwork& network = worker.network();
  {
    test::ChainHarness one(worker, filtersOf(first)), other(worker, filtersOf(first));
    other.session.selected = *net::Address::parse("192.0.2.2:5000");
    for (test::ChainHarness* chain : {&one, &other}) chain->clusters["up"] = clusterOf(first);
    while (!input.atEnd()) {
      const uint8_t kind = input.u8();
      const unsigned which = kind >> 3;
      const Bytes bytes = input.bytes(net::Packet::kMaxPayload);
      test::ChainHarness& chain = (which & 1) != 0 ? one : other;
      const net::Address& upstream = kEndpoints[which >> 1 & 3];
      const net::Address socket =
          network.sent.empty() ? net::Address() : network.sent[which % network.sent.size()].from;
      switch (kind & 7) {
        case 0:
        case 1:
          chain.ingress(bytes);
          break;
        case 2:
          network.deliver(upstream, socket, bytes);
          break;
        case 3:
          network.refuse(socket);
          break;
        case 4:
          network.failSend(socket, ENOBUFS);
          break;
        case 5:
          network.exhausted = (which & 2) != 0;
          break;
        case 6:
          chain.clusters["up"] = clusterOf(which);
          chain.reload(filtersOf(which));
          break;
        default:
          clock.advance(std::chrono::milliseconds{which * 100});
          worker.timers().run();
      }
    }
    one.closeChain();
    other.closeChain();
  }
  if (worker.pool().unaccounted() != 0) std::abort();
  return 0;
}
