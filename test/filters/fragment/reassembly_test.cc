#include "filters/fragment/reassembly.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "source/net/packet_pool.h"

namespace sluice::fragment {
namespace {

using Verdict = Reassembly::Verdict;
using Message = std::vector<uint8_t>;

struct Fixture {
  net::PacketPool pool{1000};
  Reassembly reassembly{8};
  Instant now{1h};

  ~Fixture() {
    while (auto message = reassembly.expire(Instant::max())) message->settle();
    CHECK(pool.unaccounted() == 0);
  }
  net::PacketPtr packet(const FragmentHeader& header, Bytes payload, const char* from) {
    net::PacketPtr out = pool.acquire();
    out->resize(FragmentHeader::kSize + payload.size());
    write(header, out->mutableData().data());
    std::copy(payload.begin(), payload.end(), out->mutableData().begin() + FragmentHeader::kSize);
    out->remote = *net::Address::parse(from);
    return out;
  }
  // The packet is settled.
  Reassembly::Result add(const FragmentHeader& header, Bytes payload, const char* from = "192.0.2.1:1000") {
    auto result = reassembly.add(header, packet(header, payload, from), now);
    if (result.packet != nullptr) result.packet->settle();
    if (result.evicted != nullptr) result.evicted->settle();
    return result;
  }
  Verdict verdict(const FragmentHeader& header, size_t size) { return add(header, Message(size)).verdict; }
};

// Returns `count` fragments; all except the last have `each` bytes.
std::vector<Message> cut(const Message& message, size_t each) {
  std::vector<Message> out;
  for (size_t at = 0; at < message.size(); at += each) {
    const auto end = message.begin() + static_cast<ptrdiff_t>(std::min(at + each, message.size()));
    out.emplace_back(message.begin() + static_cast<ptrdiff_t>(at), end);
  }
  return out;
}

TEST_CASE("a header is parsed as it was written; an inconsistent header is refused") {
  uint8_t bytes[] = {0, 0, 0, 0, 42};
  write({.id = 0xABCD, .index = 3, .last = 15}, bytes);
  CHECK(isFragment(bytes));
  CHECK(std::vector<uint8_t>(bytes, bytes + 4) == std::vector<uint8_t>{0xF1, 0xAB, 0xCD, 0x3F});
  const auto header = parse(bytes);
  REQUIRE(header);
  CHECK(header->id == 0xABCD);
  CHECK(header->index == 3);
  CHECK(header->last == 15);
  CHECK_FALSE(parse(Bytes(bytes, 4)));  // nothing in it
  bytes[3] = 0x43;                      // index 4 of 0 to 3
  CHECK_FALSE(parse(bytes));
  bytes[3] = 0x00;  // alone
  CHECK_FALSE(parse(bytes));
  CHECK_FALSE(isFragment({}));
  bytes[0] = 0xF2;
  CHECK_FALSE(isFragment(bytes));
}

TEST_CASE("a message is reassembled from any order of its fragments") {
  Message message(1000);
  for (size_t i = 0; i < message.size(); ++i) message[i] = static_cast<uint8_t>(i * 7);
  const auto parts = cut(message, 270);  // the last has 190
  std::vector<uint8_t> order{0, 1, 2, 3};
  uint16_t id = 0;
  do {
    Fixture f;
    ++id;
    for (size_t i = 0; i < order.size(); ++i) {
      const auto result = f.add({.id = id, .index = order[i], .last = 3}, parts[order[i]]);
      if (i < 3) {
        REQUIRE(result.verdict == Verdict::kAdded);
      } else {
        REQUIRE(result.verdict == Verdict::kComplete);
        CHECK(std::ranges::equal(result.packet->data(), message));
        CHECK(result.packet->headroom() >= net::Packet::kHeadroom);
        CHECK(result.packet->tailroom() >= net::Packet::kTailroom);
      }
    }
  } while (std::ranges::next_permutation(order).found);
}

TEST_CASE("the longest message fits; a longer one does not, whichever fragment reveals it") {
  Fixture f;
  CHECK(f.verdict({.id = 1, .index = 0, .last = 1}, 750) == Verdict::kAdded);
  CHECK(f.verdict({.id = 1, .index = 1, .last = 1}, 750) == Verdict::kComplete);
  CHECK(f.verdict({.id = 2, .index = 0, .last = 1}, 750) == Verdict::kAdded);
  CHECK(f.verdict({.id = 2, .index = 1, .last = 1}, 751) == Verdict::kTooLong);
  CHECK(f.verdict({.id = 3, .index = 1, .last = 1}, 751) == Verdict::kAdded);
  CHECK(f.verdict({.id = 3, .index = 0, .last = 1}, 750) == Verdict::kTooLong);
  CHECK(f.verdict({.id = 4, .index = 0, .last = 2}, 750) == Verdict::kTooLong);
  CHECK(f.verdict({.id = 5, .index = 15, .last = 15}, 1486) == Verdict::kTooLong);
  CHECK(f.verdict({.id = 6, .index = 15, .last = 15}, 1485) == Verdict::kAdded);
}

TEST_CASE("fragments that contradict the first one change nothing") {
  Fixture f;
  CHECK(f.verdict({.id = 1, .index = 0, .last = 2}, 100) == Verdict::kAdded);
  CHECK(f.verdict({.id = 1, .index = 1, .last = 3}, 100) == Verdict::kInconsistent);
  CHECK(f.verdict({.id = 1, .index = 1, .last = 2}, 99) == Verdict::kInconsistent);
  CHECK(f.verdict({.id = 1, .index = 0, .last = 2}, 100) == Verdict::kDuplicate);
  CHECK(f.verdict({.id = 1, .index = 2, .last = 2}, 5) == Verdict::kAdded);
  CHECK(f.verdict({.id = 1, .index = 1, .last = 2}, 100) == Verdict::kComplete);
}

TEST_CASE("duplicates of a complete message are recognized until it is forgotten") {
  Fixture f;
  f.verdict({.id = 1, .index = 0, .last = 1}, 10);
  CHECK(f.verdict({.id = 1, .index = 1, .last = 1}, 10) == Verdict::kComplete);
  CHECK(f.verdict({.id = 1, .index = 1, .last = 1}, 10) == Verdict::kDuplicate);
  CHECK(f.reassembly.incomplete() == 0);
  CHECK(f.reassembly.oldest() == f.now);
  CHECK(f.reassembly.expire(f.now) == nullptr);
  CHECK(f.reassembly.oldest() == Instant::max());
  CHECK(f.verdict({.id = 1, .index = 1, .last = 1}, 10) == Verdict::kAdded);
}

TEST_CASE("two addresses may use the same id") {
  Fixture f;
  CHECK(f.add({.id = 1, .index = 0, .last = 1}, Message{1}, "192.0.2.1:1").verdict == Verdict::kAdded);
  CHECK(f.add({.id = 1, .index = 0, .last = 1}, Message{2}, "192.0.2.2:1").verdict == Verdict::kAdded);
  const auto result = f.add({.id = 1, .index = 1, .last = 1}, Message{3}, "192.0.2.2:1");
  REQUIRE(result.verdict == Verdict::kComplete);
  CHECK(std::ranges::equal(result.packet->data(), Message{2, 3}));
}

TEST_CASE("a message above the limit drops the oldest incomplete one, and a complete one before that") {
  Fixture f;
  for (uint16_t id = 0; id < 7; ++id, f.now += 1ms) f.verdict({.id = id, .index = 0, .last = 1}, 10);
  f.verdict({.id = 7, .index = 0, .last = 1}, 10);
  CHECK(f.verdict({.id = 7, .index = 1, .last = 1}, 10) == Verdict::kComplete);
  CHECK(f.add({.id = 8, .index = 0, .last = 1}, Message(10)).evicted == nullptr);  // replaces 7
  CHECK(f.add({.id = 9, .index = 0, .last = 1}, Message(10)).evicted != nullptr);  // of 0
  CHECK(f.verdict({.id = 1, .index = 1, .last = 1}, 10) == Verdict::kComplete);
  CHECK(f.verdict({.id = 0, .index = 1, .last = 1}, 10) == Verdict::kAdded);  // again
}

TEST_CASE("a message expires by its start; a smaller capacity applies when a message ends") {
  Fixture f;
  const Instant start = f.now;
  for (uint16_t id = 0; id < 5; ++id, f.now += 10ms) f.verdict({.id = id, .index = 0, .last = 1}, 10);
  f.reassembly.setCapacity(2);
  CHECK(f.reassembly.incomplete() == 5);
  const auto expire = [&](Instant then) {
    int count = 0;
    while (auto message = f.reassembly.expire(then)) {
      message->settle();
      ++count;
    }
    return count;
  };
  CHECK(expire(start - 1ns) == 0);
  CHECK(expire(start + 30ms) == 4);
  CHECK(f.reassembly.oldest() == start + 40ms);
  f.verdict({.id = 10, .index = 0, .last = 1}, 10);
  CHECK(f.add({.id = 11, .index = 0, .last = 1}, Message(10)).evicted != nullptr);
  CHECK(f.reassembly.incomplete() == 2);
}

TEST_CASE(
    "any order, loss, duplication and mixture: every reassembled message equals the original, appears once, "
    "and memory is bounded") {
  std::mt19937 random(1);
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  Fixture f;
  struct Datagram {
    FragmentHeader header;
    Message payload;
  };
  std::map<uint16_t, Message> sent;
  std::set<uint16_t> arrived;
  size_t whole = 0;
  for (int round = 0; round < 2000; ++round) {
    // A few messages at a time, with fragments shuffled, lost and duplicated. Within the timeout there are at
    // most eight.
    std::vector<Datagram> datagrams;
    sent.clear();
    arrived.clear();
    std::set<uint16_t> lost;
    for (size_t n = 1 + below(2); n > 0; --n) {
      const auto id = static_cast<uint16_t>(round * 2 + static_cast<int>(n));
      Message message(2 + below(1499));
      for (uint8_t& byte : message) byte = static_cast<uint8_t>(random());
      const size_t least =
          (message.size() + FragmentHeader::kMaxFragments - 1) / FragmentHeader::kMaxFragments;
      const auto parts = cut(message, least + below(message.size() - least));
      sent[id] = message;
      for (uint8_t i = 0; i < parts.size(); ++i) {
        const Datagram datagram{{.id = id, .index = i, .last = static_cast<uint8_t>(parts.size() - 1)},
                                parts[i]};
        if (below(20) == 0) {
          lost.insert(id);
        } else {
          datagrams.insert(datagrams.end(), 1 + (below(5) == 0), datagram);
        }
      }
    }
    std::ranges::shuffle(datagrams, random);
    for (const Datagram& datagram : datagrams) {
      const auto result = f.add(datagram.header, datagram.payload);
      REQUIRE(f.reassembly.incomplete() <= 8);
      if (result.verdict != Verdict::kComplete) {
        REQUIRE((result.verdict == Verdict::kAdded || result.verdict == Verdict::kDuplicate));
        continue;
      }
      REQUIRE(arrived.insert(datagram.header.id).second);
      REQUIRE(std::ranges::equal(result.packet->data(), sent[datagram.header.id]));
      ++whole;
    }
    for (const auto& [id, message] : sent) REQUIRE(arrived.contains(id) != lost.contains(id));
    f.now += 150ms;
    while (auto message = f.reassembly.expire(f.now - 500ms)) message->settle();
  }
  CHECK(whole > 1500);
  CHECK(f.pool.allocated() == 256);  // one slab
}

}  // namespace
}  // namespace sluice::fragment
