// A worker needs no sockets: it runs over any UdpNetwork.
#include <doctest/doctest.h>

#include "test/runtime/clients.h"
#include "test/support/fake_network.h"
#include "test/support/workers.h"

namespace sluice {
namespace {

TEST_CASE("a worker serves clients and upstreams over a network in memory") {
  const auto client = *net::Address::parse("192.0.2.1:1000");
  const auto upstream = *net::Address::parse("192.0.2.2:7");
  const std::vector<uint8_t> ping{'p', 'i', 'n', 'g'};
  const std::vector<uint8_t> pong{'p', 'o', 'n', 'g'};
  const RealClock clock;
  test::FakeNetwork* network = nullptr;
  test::Workers workers(test::forwardConfig(upstream), 1, [&](net::EventLoop&, net::PacketPool& pool) {
    auto made = std::make_unique<test::FakeNetwork>(pool, clock);
    network = made.get();
    return made;
  });
  CHECK(workers.address().port() != 0);
  std::vector<test::SentDatagram> sent;
  size_t sessions = 0;
  workers.on(0, [&](runtime::WorkerThread& worker) {
    network->deliver(client, workers.address(), ping);
    network->deliver(upstream, network->lastOpened(), pong);
    sent = network->sent;
    sessions = worker.dispatcher().sessions().size();
  });
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].to == upstream);
  CHECK(sent[0].data == ping);
  CHECK(sent[1].from == workers.address());
  CHECK(sent[1].to == client);
  CHECK(sent[1].data == pong);
  CHECK(sessions == 1);
  CHECK(workers.unaccounted() == 0);
}

}  // namespace
}  // namespace sluice
