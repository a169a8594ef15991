#include "filters/forward/forward.h"

#include <doctest/doctest.h>

#include "filters/forward/statistics.h"
#include "filters/forward/upstream.h"
#include "test/support/harness.h"

namespace sluice {
namespace {

using test::ChainHarness;

const net::Address kUpstream = *net::Address::parse("10.0.0.1:7000");
const net::Address kOther = *net::Address::parse("10.0.0.2:7000");
const std::vector<uint8_t> kData{1, 2, 3};

std::shared_ptr<const chain::Cluster> cluster(std::vector<net::Address> endpoints) {
  auto made = std::make_shared<chain::Cluster>();
  made->name = "up";
  made->endpoints = std::move(endpoints);
  return made;
}

struct Fixture {
  ManualClock clock;
  test::FakeWorker worker{clock};
  ChainHarness chain;

  explicit Fixture(const std::string& config = "", std::vector<net::Address> endpoints = {kUpstream})
      : chain(worker, {{forward::filterType(), "cluster: 'up' " + config}}) {
    chain.clusters["up"] = cluster(std::move(endpoints));
  }
  std::vector<test::SentDatagram>& sent() { return worker.network().sent; }
};

TEST_CASE("a session reaches its upstream through its own socket") {
  Fixture f;
  f.chain.ingress(kData);
  REQUIRE(f.sent().size() == 1);
  CHECK(f.sent()[0].to == kUpstream);
  CHECK(f.sent()[0].data == kData);
  CHECK(f.worker.network().deliver(kUpstream, f.sent()[0].from, std::vector<uint8_t>{9}));
  REQUIRE(f.chain.outer.size() == 1);
  CHECK(f.chain.outer[0].data == std::vector<uint8_t>{9});
  CHECK_FALSE(f.chain.outer[0].remote.isSet());
  CHECK(f.chain.session.kept_alive == 1);
  CHECK_FALSE(f.worker.network().deliver(kOther, f.sent()[0].from, kData));
  f.chain.closeChain();
  CHECK(f.worker.network().open_ports() == 0);
}

TEST_CASE("without a socket packets are dropped, and after a second a socket is tried again") {
  Fixture f;
  f.worker.network().exhausted = true;
  f.chain.ingress(kData);
  CHECK(f.chain.dropped("forward", "no_socket") == 1);
  f.worker.network().exhausted = false;
  f.chain.ingress(kData);
  CHECK(f.chain.dropped("forward", "no_socket") == 2);
  f.clock.advance(1s);
  f.chain.ingress(kData);
  CHECK(f.sent().size() == 1);
}

TEST_CASE("shared sockets distinguish sessions by their endpoint") {
  ManualClock clock;
  test::FakeWorker worker(clock);
  forward::ForwardWorker& shared = worker.local<forward::ForwardWorker>();
  stats::FilterStats block(forward::filterType().schema);
  forward::Stats stats(block);
  struct Receiver final : forward::Upstream::Receiver {
    void onReply(net::PacketPtr&& packet) override {
      ++replies;
      packet->settle();
      packet.reset();
    }
    int replies = 0;
  };
  Receiver a, b, c;
  auto first = shared.shared(stats).open(kUpstream, 2, false, a);
  auto second = shared.shared(stats).open(kOther, 2, false, b);
  CHECK(worker.network().open_ports() == 1);
  auto third = shared.shared(stats).open(kUpstream, 2, false, c);
  CHECK(worker.network().open_ports() == 2);
  Receiver d;
  CHECK(shared.shared(stats).open(kUpstream, 2, false, d) == nullptr);

  first->send(worker.pool().acquire());
  const net::Address socket = worker.network().sent[0].from;
  worker.network().deliver(kUpstream, socket, kData);
  worker.network().deliver(kOther, socket, kData);
  CHECK(a.replies == 1);
  CHECK(b.replies == 1);
  CHECK(c.replies == 0);
  first.reset();
  worker.network().deliver(kUpstream, socket, kData);
  CHECK(stats.drops(forward::Drop::kUnmatchedReply).value() == 1);
  CHECK(shared.shared(stats).open(kUpstream, 2, false, d) != nullptr);
}

TEST_CASE("ONE_WAY drops replies") {
  Fixture f("sockets: ONE_WAY");
  f.chain.ingress(kData);
  REQUIRE(f.sent().size() == 1);
  f.worker.network().deliver(kUpstream, f.sent()[0].from, kData);
  CHECK(f.chain.outer.empty());
  CHECK(f.chain.dropped("forward", "unmatched_reply") == 1);
}

TEST_CASE("an ICMP error is counted and moves the session to another endpoint") {
  Fixture f("", {kUpstream, kOther});
  f.chain.ingress(kData);
  const net::Address before = f.sent()[0].to;
  f.worker.network().refuse(f.sent()[0].from);
  CHECK(f.chain.counted("forward", "upstream_refused") == 1);
  CHECK(f.chain.counted("forward", "upstream_failovers") == 1);
  f.chain.ingress(kData);
  CHECK(f.sent()[1].to != before);
}

TEST_CASE("the only endpoint is kept after an ICMP error") {
  Fixture f;
  f.chain.ingress(kData);
  f.worker.network().refuse(f.sent()[0].from);
  f.chain.ingress(kData);
  CHECK(f.sent()[1].to == kUpstream);
  CHECK(f.chain.counted("forward", "upstream_failovers") == 0);
}

TEST_CASE("a reload moves only the sessions whose endpoint was removed") {
  Fixture f;
  f.chain.ingress(kData);
  f.chain.clusters["up"] = cluster({kOther, kUpstream});
  f.chain.reload({{forward::filterType(), "cluster: 'up'"}});
  f.chain.ingress(kData);
  CHECK(f.sent()[1].to == kUpstream);
  CHECK(f.sent()[1].from == f.sent()[0].from);
  f.chain.clusters["up"] = cluster({kOther});
  f.chain.reload({{forward::filterType(), "cluster: 'up'"}});
  f.chain.ingress(kData);
  CHECK(f.sent()[2].to == kOther);
}

TEST_CASE("a session without packets in either direction ends after idle_timeout_s") {
  Fixture f("idle_timeout_s: 5");
  f.chain.ingress(kData);
  f.clock.advance(4s);
  f.worker.timers().run();
  f.worker.network().deliver(kUpstream, f.sent()[0].from, kData);
  f.clock.advance(4s);
  f.worker.timers().run();
  CHECK(f.chain.session.closed.empty());
  f.clock.advance(1s);
  f.worker.timers().run();
  CHECK(f.chain.session.closed == "forward_idle");
}

TEST_CASE("a packet that the kernel refuses is counted") {
  Fixture f;
  f.chain.ingress(kData);
  f.worker.network().failSend(f.sent()[0].from, 90);
  CHECK(f.chain.dropped("forward", "send_failed") == 1);
  CHECK(f.chain.chain().drops({}) == std::vector<chain::NamedDrops>{{"forward", "send_failed", 1}});
}

}  // namespace
}  // namespace sluice
