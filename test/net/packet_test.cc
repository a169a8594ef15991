#include <doctest/doctest.h>

#include <thread>

#include "source/net/packet_pool.h"
#include "source/net/packet_queue.h"

namespace sluice {
namespace {

using net::Packet;
using net::PacketPool;
using net::PacketPtr;

TEST_CASE("a packet grows at both ends without moving its data") {
  PacketPool pool(256);
  PacketPtr packet = pool.acquire();
  CHECK(packet->headroom() >= 64);
  REQUIRE(packet->assign(std::vector<uint8_t>(Packet::kMaxPayload, 7)));
  CHECK(packet->tailroom() >= 160);
  const uint8_t* data = packet->data().data();
  packet->prepend(64);
  CHECK(packet->data().data() + 64 == data);
  packet->removePrefix(64);
  packet->resize(Packet::kMaxPayload + 160);
  CHECK(packet->data().data() == data);
  CHECK(packet->tailroom() == 0);
  CHECK_FALSE(packet->assign(std::vector<uint8_t>(Packet::kCapacity)));
  packet->settle();
}

TEST_CASE("a pool is bounded, and a packet that was returned is reset") {
  PacketPool pool(256);
  std::vector<PacketPtr> all;
  while (PacketPtr packet = pool.acquire()) all.push_back(std::move(packet));
  CHECK(all.size() == 256);
  CHECK(pool.exhausted() == 1);
  all.back()->tos = 5;
  all.back()->deadline = Instant{1s};
  all.back()->resize(10);
  for (auto& packet : all) packet->settle();
  all.pop_back();
  const PacketPtr again = pool.acquire();
  REQUIRE(again != nullptr);
  CHECK(again->size() == 0);
  CHECK(again->tos == 0);
  CHECK(again->deadline == Instant::max());
  again->settle();
}

TEST_CASE("packets released on another thread return when they are needed") {
  PacketPool pool(256);
  for (int round = 0; round < 3; ++round) {
    std::vector<PacketPtr> all;
    while (PacketPtr packet = pool.acquire()) all.push_back(std::move(packet));
    CHECK(all.size() == 256);
    std::thread([&] {
      for (auto& packet : all) packet->settle();
      all.clear();
    }).join();
  }
  CHECK(pool.allocated() == 256);
}

#ifdef NDEBUG
TEST_CASE("an unsettled packet is counted") {
  PacketPool pool(256);
  pool.acquire().reset();
  CHECK(pool.unaccounted() == 1);
}
#endif

TEST_CASE("a queue is first in, first out, and bounded") {
  PacketPool pool(256);
  net::PacketQueue queue(3);
  uint8_t next_in = 0;
  uint8_t next_out = 0;
  for (int round = 0; round < 10; ++round) {
    while (!queue.full()) {
      PacketPtr packet = pool.acquire();
      packet->tos = next_in++;
      queue.push(std::move(packet));
    }
    for (int i = 0; i < 2; ++i) {
      CHECK(queue.front().tos == next_out);
      const PacketPtr packet = queue.pop();
      CHECK(packet->tos == next_out++);
      packet->settle();
    }
  }
  while (!queue.empty()) queue.pop()->settle();
}

}  // namespace
}  // namespace sluice
