#include "source/runtime/tuples.h"

#include <doctest/doctest.h>

#include "source/net/packet_pool.h"
#include "source/runtime/worker_port.h"

namespace sluice::runtime {
namespace {

using net::Address;

const Address kServer = *Address::parse("192.0.2.1:3478");
const Address kClient = *Address::parse("198.51.100.1:4000");

struct Fixture {
  net::PacketPool pool{16};
  WorkerPort* const port = reinterpret_cast<WorkerPort*>(this);  // is only compared
  Tuples tuples{{{kClient, kServer, port, true, Instant{}}}, 0};

  net::PacketPtr packet(uint16_t client_port, int second) {
    auto packet = pool.acquire();
    packet->settle();
    packet->remote = kClient.withPort(client_port);
    packet->local = kServer;
    packet->received = Instant{} + std::chrono::seconds(second);
    return packet;
  }
  Tuples::Added add(uint16_t client_port, int second) {
    return tuples.add(*packet(client_port, second), *port);
  }
};

TEST_CASE("an address pair keeps its index, also when others are replaced") {
  Fixture f;
  for (uint16_t i = 1; i < Tuples::kMax; ++i) CHECK(f.add(4000 + i, i).index == i);
  CHECK(f.add(4003, 20).index == 3);  // known
  const auto added = f.add(5000, 20);
  CHECK(added.index == 1);
  CHECK(added.replaced->remote == kClient.withPort(4001));
  for (uint16_t i = 2; i < Tuples::kMax; ++i) {
    CHECK(f.tuples.find(kClient.withPort(4000 + i), kServer) == &f.tuples[i]);
  }
  CHECK(f.tuples.find(kClient.withPort(4001), kServer) == nullptr);
}

TEST_CASE("the oldest unauthenticated pair is replaced first, the selected one never") {
  Fixture f;
  for (uint16_t i = 1; i < Tuples::kMax; ++i) f.add(4000 + i, i);
  for (size_t i = 1; i < Tuples::kMax; ++i) f.tuples[i].authenticated = i != 4 && i != 6;
  CHECK(f.add(5000, 20).index == 4);
  CHECK(f.add(5001, 21).index == 6);
  CHECK(f.add(5002, 22).index == 4);
  for (size_t i = 1; i < Tuples::kMax; ++i) f.tuples[i].authenticated = true;
  CHECK(f.tuples.select(f.tuples[1]));
  CHECK(f.add(5003, 23).index == 0);
  f.tuples.unauthenticate();
  CHECK(f.add(5004, 24).index == 2);
  CHECK(f.tuples.selected().remote == kClient.withPort(4001));
}

TEST_CASE("the pair that a packet names is found first; another packet's pair is found by its addresses") {
  Fixture f;
  f.add(4001, 1);
  const auto packet = f.packet(4001, 2);
  packet->tuple = 1;
  CHECK(f.tuples.find(*packet) == &f.tuples[1]);
  packet->tuple = 0;
  CHECK(f.tuples.find(*packet) == &f.tuples[1]);
  packet->tuple = Tuples::kMax;
  CHECK(f.tuples.find(*packet) == &f.tuples[1]);
  packet->local = kClient;
  CHECK(f.tuples.find(*packet) == nullptr);
}

}  // namespace
}  // namespace sluice::runtime
