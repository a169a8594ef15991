#include "source/runtime/mailbox.h"

#include <doctest/doctest.h>

#include <thread>

#include "source/net/packet_pool.h"

namespace sluice {
namespace {

constexpr int kEach = 20'000;

void ignore(chain::Worker&, net::PacketPtr&&) {}

TEST_CASE("a full mailbox leaves the packet with its sender") {
  net::PacketPool pool(1024);
  runtime::Mailbox mailbox(2);
  for (int i = 0; i < 2; ++i) {
    net::PacketPtr packet = pool.acquire();
    CHECK(mailbox.push(ignore, packet));
    CHECK(packet == nullptr);
  }
  net::PacketPtr packet = pool.acquire();
  CHECK_FALSE(mailbox.push(ignore, packet));
  REQUIRE(packet != nullptr);
  packet->settle();
  runtime::Mail mail;
  REQUIRE(mailbox.pop(mail));
  mail.packet->settle();
  CHECK(mailbox.push(ignore, packet));
}

TEST_CASE("packets of two threads arrive once, each thread's in order, and return to their pool") {
  runtime::Mailbox mailbox(256);
  std::atomic<int> finished{0};
  const auto produce = [&](uint8_t tag) {
    net::PacketPool pool(1024);
    for (uint32_t i = 0; i < kEach;) {
      net::PacketPtr packet = pool.acquire();
      if (packet == nullptr) {
        std::this_thread::yield();
        continue;
      }
      packet->resize(5);
      packet->mutableData()[0] = tag;
      writeU32(&packet->mutableData()[1], i);
      while (!mailbox.push(ignore, packet)) std::this_thread::yield();
      ++i;
    }
    finished.fetch_add(1);
    while (finished.load() < 3) std::this_thread::yield();  // the pool outlives its packets
    CHECK(pool.allocated() <= 1024);
    CHECK(pool.unaccounted() == 0);
  };
  std::thread first(produce, 0), second(produce, 1);
  uint32_t next[2] = {0, 0};
  while (next[0] + next[1] < 2 * kEach) {
    runtime::Mail mail;
    if (!mailbox.pop(mail)) {
      std::this_thread::yield();
      continue;
    }
    const uint8_t tag = mail.packet->data()[0];
    REQUIRE(readU32(&mail.packet->data()[1]) == next[tag]++);
    mail.packet->settle();
  }
  finished.fetch_add(1);
  first.join();
  second.join();
}

}  // namespace
}  // namespace sluice
