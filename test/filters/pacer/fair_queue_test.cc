#include "filters/pacer/fair_queue.h"

#include <doctest/doctest.h>

#include <string>

#include "source/net/packet_pool.h"

namespace sluice::pacer {
namespace {

struct Fixture {
  explicit Fixture(size_t capacity) : limit(capacity), queue(capacity) {}
  ~Fixture() {
    while (!queue.empty()) queue.pop()->settle();
  }

  // The tag of the packet that was dropped, or 0.
  char push(char tag, uint32_t ssrc, size_t size = 100) {
    net::PacketPtr packet = pool.acquire();
    packet->resize(size);
    packet->mutableData()[0] = static_cast<uint8_t>(tag);
    writeU32(&packet->mutableData()[8], ssrc);
    const net::PacketPtr loser = queue.push(std::move(packet), limit);
    if (loser == nullptr) return 0;
    loser->settle();
    return static_cast<char>(loser->data()[0]);
  }
  std::string pop(size_t count) {
    std::string tags;
    for (; count > 0; --count) {
      const net::PacketPtr packet = queue.pop();
      tags += static_cast<char>(packet->data()[0]);
      packet->settle();
    }
    return tags;
  }

  net::PacketPool pool{256};
  size_t limit;
  FairQueue queue;
};

TEST_CASE("FairQueue: the packets of one stream stay in order") {
  Fixture f(4);
  for (int round = 0; round < 3; ++round) {
    for (const char tag : {'a', 'b', 'c', 'd'}) CHECK(f.push(tag, 1) == 0);
    CHECK(f.pop(2) == "ab");
    CHECK(f.push('e', 1) == 0);
    CHECK(f.pop(3) == "cde");
    CHECK(f.queue.empty());
  }
}

TEST_CASE("FairQueue: streams share by bytes, and a new stream does not wait behind older ones") {
  Fixture f(16);
  for (const char tag : {'A', 'B', 'C', 'D'}) f.push(tag, 1, 300);
  CHECK(f.pop(1) == "A");
  for (const char tag : {'a', 'b', 'c', 'd', 'e', 'f'}) f.push(tag, 2, 100);
  CHECK(f.pop(9) == "abcdeBfCD");
}

TEST_CASE("FairQueue: in a full queue the longest stream loses a packet") {
  Fixture f(4);
  for (const char tag : {'A', 'B', 'C'}) f.push(tag, 1);
  f.push('a', 2);
  CHECK(f.push('D', 1) == 'D');
  CHECK(f.push('b', 2) == 'A');
  CHECK(f.push('c', 2) == 'c');  // both have two now
  CHECK(f.push('d', 2) == 'd');
  CHECK(f.pop(1) == "B");
  CHECK(f.push('d', 2) == 0);
  f.limit = 2;  // a reload
  CHECK(f.push('x', 3) == 'a');
  CHECK(f.queue.size() == 4);
}

TEST_CASE("FairQueue: a dropped packet does not count against its stream") {
  Fixture f(8);
  for (const char tag : {'A', 'B'}) f.push(tag, 1, 1000);
  f.queue.popUnused()->settle();  // A
  f.push('a', 2, 1400);
  CHECK(f.pop(2) == "Ba");
}

TEST_CASE("FairQueue: a stream that shares a flow stays in order when another flow becomes free") {
  Fixture f(100);
  for (uint32_t ssrc = 1; ssrc <= 8; ++ssrc) f.push('x', ssrc);
  f.push('a', 9);
  f.push('b', 9);
  std::string order;
  for (const char tag : {'c', 'd', 'e'}) {
    order += f.pop(2);
    f.push(tag, 9);
  }
  order += f.pop(7);
  std::erase(order, 'x');
  CHECK(order == "abcde");
  CHECK(f.queue.empty());
  f.push('f', 9);
  f.push('y', 17);  // in its own flow again
  f.push('z', 17);
  CHECK(f.pop(3) == "fyz");
}

TEST_CASE("FairQueue: more streams than flows share flows, and every packet is released") {
  Fixture f(100);
  for (uint32_t ssrc = 1; ssrc <= 100; ++ssrc) CHECK(f.push('x', ssrc) == 0);
  CHECK(f.pop(100) == std::string(100, 'x'));
  CHECK(f.queue.empty());
}

}  // namespace
}  // namespace sluice::pacer
