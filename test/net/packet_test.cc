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

constexpr uint8_t kRtp[] = {0x80, 0xEF, 0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 9, 42};

TEST_CASE("a packet is parsed as RTP again only after its data changed") {
  PacketPool pool(256);
  PacketPtr packet = pool.acquire();
  CHECK(packet->rtp() == nullptr);
  packet->assign(kRtp);
  const rtp::Packet* rtp = packet->rtp();
  REQUIRE(rtp != nullptr);
  CHECK(rtp->sequence == 0x1234);
  CHECK(rtp->payload.size() == 1);
  CHECK(packet->rtp() == rtp);
  writeU16(&packet->mutableData()[2], 7);
  CHECK(packet->rtp()->sequence == 7);
  writeU16(&packet->mutableHeader(4)[2], 8);
  CHECK(packet->rtp()->sequence == 8);
  packet->resize(11);
  CHECK(packet->rtp() == nullptr);
  packet->settle();
}

TEST_CASE(
    "a change of the payload ends the packet's reference to its origin, reading and renumbering do not") {
  PacketPool pool(256);
  PacketPtr original = pool.acquire();
  original->assign(kRtp);
  const net::SharedPacket origin(std::move(original));
  const auto change = [&](auto modify) {
    PacketPtr packet = pool.acquire();
    packet->assign(kRtp);
    packet->origin = origin;
    modify(*packet);
    const bool kept = static_cast<bool>(packet->origin);
    packet->settle();
    return !kept;
  };
  CHECK_FALSE(change([](Packet& p) { p.rtp(); }));
  CHECK_FALSE(change([](Packet& p) { (void)p.data(); }));
  CHECK_FALSE(change([](Packet& p) { p.mutableHeader(12)[3] = 1; }));
  CHECK(change([](Packet& p) { p.mutableData()[12] = 1; }));
  CHECK(change([](Packet& p) { p.prepend(4); }));
  CHECK(change([](Packet& p) { p.removePrefix(1); }));
  CHECK(change([](Packet& p) { p.resize(12); }));
  CHECK(change([](Packet& p) { p.assign(kRtp); }));
}

TEST_CASE("a packet's route is the selected pair, a reply's path, or explicit; a TTL ends with the path") {
  const net::Address client = *net::Address::parse("192.0.2.1:5000");
  const net::Address server = *net::Address::parse("198.51.100.1:3478");
  PacketPool pool(256);
  PacketPtr request = pool.acquire(), packet = pool.acquire();
  request->remote = client;
  request->local = server;
  request->tuple = 3;
  CHECK(packet->route() == Packet::Route::kSelected);
  packet->ttl = 9;
  packet->routeAsReplyTo(*request);
  CHECK(packet->route() == Packet::Route::kReply);
  CHECK(packet->remote == client);
  CHECK(packet->local == server);
  CHECK(packet->tuple == 3);
  CHECK(packet->ttl == 0);
  packet->routeExplicitly(server.withPort(1), client.withPort(2));
  CHECK(packet->route() == Packet::Route::kExplicit);
  CHECK(packet->remote == client.withPort(2));
  CHECK(packet->local == server.withPort(1));
  packet->routeToSelected();
  CHECK(packet->route() == Packet::Route::kSelected);
  CHECK_FALSE(packet->remote.isSet());
  CHECK_FALSE(packet->local.isSet());
  request->settle();
  packet->settle();
}

TEST_CASE("a note has the value and the type that were set") {
  struct Note {
    uint32_t number;
    bool flag;
  };
  PacketPool pool(256);
  PacketPtr packet = pool.acquire();
  packet->setNote(Note{.number = 5, .flag = true});
  CHECK(packet->note<Note>().number == 5);
  CHECK(packet->note<Note>().flag);
  packet->setNote(Instant{3s});
  CHECK(packet->note<Instant>() == Instant{3s});
  packet->settle();
}

}  // namespace
}  // namespace sluice
