#include "filters/fragment/fragment.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "filters/fragment/fragment_header.h"
#include "test/support/harness.h"

namespace sluice::fragment {
namespace {

using Datagram = std::vector<uint8_t>;

Datagram fragment(const FragmentHeader& header, Bytes payload) {
  Datagram out(FragmentHeader::kSize + payload.size());
  write(header, out.data());
  std::ranges::copy(payload, out.begin() + FragmentHeader::kSize);
  return out;
}

struct Fixture {
  ManualClock clock;
  test::FakeWorker worker{clock};
  test::ChainHarness chain;

  explicit Fixture(const std::string& config = "") : chain(worker, {{filterType(), config}}) {}

  void in(const FragmentHeader& header, Bytes payload = Datagram(10)) {
    chain.ingress(fragment(header, payload));
  }
  void advance(Duration by) {
    clock.advance(by);
    worker.timers().run();
  }
  uint64_t dropped(std::string_view reason) const { return chain.dropped("fragment", reason); }
  uint64_t counted(const std::string& counter) const { return chain.counted("fragment", counter); }
  // A message in two fragments, which shows that the client splits messages.
  void sendInFragments() {
    in({.id = 77, .index = 0, .last = 1});
    in({.id = 77, .index = 1, .last = 1});
  }
};

TEST_CASE("packets that are not fragments pass in both directions") {
  Fixture f;
  f.chain.ingress(Datagram{0xF2, 0, 0, 0x01, 1});
  f.chain.ingress(Datagram{22, 254, 253});
  f.chain.ingress({});
  CHECK(f.chain.inner.size() == 3);
  f.chain.egress(Datagram(1400));
  REQUIRE(f.chain.outer.size() == 1);
  CHECK(f.chain.outer[0].data.size() == 1400);
}

TEST_CASE("a reassembled message is classified again and has its client's address") {
  Fixture f;
  Datagram rtp(600, 1);
  rtp[0] = 0x80;
  rtp[1] = 111;
  f.in({.id = 1, .index = 1, .last = 1}, Bytes(rtp).subspan(400));
  CHECK(f.chain.inner.empty());
  f.in({.id = 1, .index = 0, .last = 1}, Bytes(rtp).first(400));
  REQUIRE(f.chain.inner.size() == 1);
  CHECK(f.chain.inner[0].data == rtp);
  CHECK(f.chain.inner[0].kind == PacketKind::kRtp);
  CHECK(f.chain.inner[0].remote == f.chain.session.selected);
  CHECK(f.counted("joined") == 1);
}

TEST_CASE("fragment: each drop reason is caused") {
  Fixture f("max_messages: 1 timeout_ms: 500");
  f.chain.ingress(Datagram{0xF1, 0, 0, 0x01});  // no payload
  CHECK(f.dropped("malformed") == 1);
  f.in({.id = 1, .index = 0, .last = 2});
  f.in({.id = 1, .index = 0, .last = 2});
  CHECK(f.dropped("duplicate") == 1);
  f.in({.id = 1, .index = 1, .last = 3});
  CHECK(f.dropped("inconsistent") == 1);
  f.in({.id = 1, .index = 2, .last = 2}, Datagram(1491));
  CHECK(f.dropped("too_long") == 1);
  f.in({.id = 2, .index = 0, .last = 1});
  CHECK(f.dropped("evicted") == 1);
  f.in({.id = 2, .index = 1, .last = 1});
  CHECK(f.chain.inner.size() == 1);
  f.in({.id = 3, .index = 0, .last = 1}, fragment({.id = 4, .index = 0, .last = 1}, Datagram(10)));
  f.in({.id = 3, .index = 1, .last = 1});
  CHECK(f.dropped("nested") == 1);
  f.in({.id = 5, .index = 0, .last = 1});
  f.advance(499ms);
  CHECK(f.dropped("incomplete") == 0);
  f.advance(1ms);
  CHECK(f.dropped("incomplete") == 1);
  CHECK(f.chain.inner.size() == 1);
}

TEST_CASE("without a free packet buffer a message to the client is dropped, and so is one that is too long") {
  Fixture f("split: true");
  Datagram packet(1400, 5);
  f.chain.egress(Datagram(1600));
  CHECK(f.dropped("too_long") == 1);
  std::vector<net::PacketPtr> all;
  while (net::PacketPtr taken = f.worker.pool().acquire()) all.push_back(std::move(taken));
  all.back()->settle();
  all.pop_back();
  f.chain.egress(packet);
  CHECK(f.dropped("no_packet") == 1);
  CHECK(f.chain.outer.empty());
  for (auto& taken : all) taken->settle();
}

TEST_CASE("a client that splits its messages gets fragments, and can reassemble them") {
  Fixture f("max_datagram_bytes: 500");
  Datagram packet(1400);
  for (size_t i = 0; i < packet.size(); ++i) packet[i] = static_cast<uint8_t>(i * 3);
  f.in({.id = 1, .index = 0, .last = 1});
  f.chain.egress(packet);
  CHECK(f.chain.outer.size() == 1);  // one of two fragments does not show that the client splits
  f.in({.id = 1, .index = 1, .last = 1});
  f.chain.outer.clear();
  f.chain.egress(packet, PacketKind::kRtp, 0xB8);
  REQUIRE(f.chain.outer.size() == 3);
  Fixture client;
  for (const auto& sent : {2, 0, 1}) {
    const test::Captured& each = f.chain.outer[static_cast<size_t>(sent)];
    CHECK(each.data.size() <= 500);
    CHECK(each.tos == 0xB8);
    CHECK(classify(each.data) == PacketKind::kOther);
    client.chain.ingress(each.data);
  }
  REQUIRE(client.chain.inner.size() == 1);
  CHECK(client.chain.inner[0].data == packet);
  CHECK(f.counted("split") == 1);
  CHECK(f.counted("fragments_out") == 3);
  f.chain.egress(Datagram(500));
  CHECK(f.chain.outer.size() == 4);
}

TEST_CASE("the smallest datagrams carry the largest packet") {
  Fixture f("split: true max_datagram_bytes: 128");
  Fixture client;
  const Datagram packet(1500, 9);
  f.chain.egress(packet);
  f.chain.egress(packet);
  CHECK(f.chain.outer.size() == 26);
  for (const auto& each : f.chain.outer) client.chain.ingress(each.data);
  REQUIRE(client.chain.inner.size() == 2);
  CHECK(client.chain.inner[1].data == packet);
}

TEST_CASE("a reload keeps incomplete messages and applies the new limits") {
  Fixture f("timeout_ms: 500");
  f.in({.id = 1, .index = 0, .last = 1});
  f.advance(100ms);
  f.chain.reload({{filterType(), "timeout_ms: 200 max_messages: 1 split: true"}});
  f.in({.id = 1, .index = 1, .last = 1});
  CHECK(f.chain.inner.size() == 1);
  f.in({.id = 2, .index = 0, .last = 1});
  f.advance(200ms);
  CHECK(f.dropped("incomplete") == 1);
  f.chain.egress(Datagram(1400));
  CHECK(f.chain.outer.size() == 2);
}

TEST_CASE("the end of a session drops incomplete messages") {
  Fixture f;
  for (uint16_t id = 0; id < 3; ++id) f.in({.id = id, .index = 0, .last = 1});
  f.sendInFragments();
  chain::Description description;
  f.chain.chain().forEach(
      [&](const std::string&, const chain::Filter& filter) { filter.describe(description); });
  CHECK(description == chain::Description{{"incomplete", "3"}, {"splits", "true"}});
  f.chain.closeChain();
  CHECK(f.dropped("incomplete") == 3);
  CHECK(f.worker.pool().unaccounted() == 0);
}

}  // namespace
}  // namespace sluice::fragment
