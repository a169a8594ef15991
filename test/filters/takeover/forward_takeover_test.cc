// forward in another process: its sockets are handed over if the new configuration can use them.
#include "filters/forward/forward.h"
#include "test/filters/takeover/takeover.h"

namespace sluice {
namespace {

using test::ChainHarness;

const net::Address kUpstream = *net::Address::parse("10.0.0.1:7000");
const net::Address kOther = *net::Address::parse("10.0.0.2:7000");
const std::vector<uint8_t> kData{1, 2, 3};

struct Fixture {
  using Endpoints = std::vector<net::Address>;

  std::unique_ptr<ChainHarness> make(test::FakeWorker& on, const Endpoints& endpoints,
                                     const std::string& config = "") {
    auto cluster = std::make_shared<chain::Cluster>();
    cluster->name = "up";
    cluster->endpoints = endpoints;
    cluster->policy = chain::Cluster::Policy::kRoundRobin;
    auto chain = std::make_unique<ChainHarness>(
        on, std::vector<test::FilterConfig>{{forward::filterType(), "cluster: 'up' " + config}});
    chain->clusters["up"] = std::move(cluster);
    return chain;
  }
  std::unique_ptr<ChainHarness> before(const std::string& config = "",
                                       const Endpoints& endpoints = {kUpstream}) {
    auto chain = make(worker, endpoints, config);
    chain->ingress(kData);
    REQUIRE(!worker.network().sent.empty());
    return chain;
  }
  std::unique_ptr<ChainHarness> after(const std::string& config = "",
                                      const Endpoints& endpoints = {kUpstream}) {
    return make(next_worker, endpoints, config);
  }
  const test::SentDatagram& sent() { return worker.network().sent.back(); }
  const test::SentDatagram& sentThere() {
    REQUIRE(!next_worker.network().sent.empty());
    return next_worker.network().sent.back();
  }

  ManualClock clock;
  test::FakeWorker worker{clock}, next_worker{clock};
};

TEST_CASE("the upstream keeps the same socket, and reaches the client through it") {
  Fixture f;
  const auto before = f.before(), after = f.after();
  const net::Address socket = f.sent().from;
  test::checkCuts(before->save(), [&] { return f.after(); });
  CHECK(after->takeOver(*before) == "");
  CHECK(f.next_worker.network().deliver(kUpstream, socket, kData));
  CHECK(after->outer.size() == 1);
  CHECK_FALSE(f.next_worker.network().deliver(kOther, socket, kData));  // connected, as before
  after->ingress(kData);
  CHECK(f.sentThere().from == socket);
  CHECK(f.sentThere().to == kUpstream);
}

TEST_CASE("a session that had sent nothing opens its socket in the new process") {
  Fixture f;
  const auto before = f.make(f.worker, {kUpstream}), after = f.after();
  CHECK(after->takeOver(*before) == "");
  CHECK(f.next_worker.network().open_ports() == 0);
  after->ingress(kData);
  CHECK(f.sentThere().to == kUpstream);
}

TEST_CASE("a removed endpoint, or sockets of another kind, start with fresh state at the next packet") {
  Fixture f;
  const auto before = f.before();
  const auto moved = f.after("", {kOther});
  CHECK(moved->takeOver(*before) == "");
  CHECK(f.next_worker.network().open_ports() == 0);
  moved->ingress(kData);
  CHECK(f.sentThere().to == kOther);
  const auto shared = f.after("sockets: SHARED");
  CHECK(shared->takeOver(*before) == "");
  shared->ingress(kData);
  CHECK(f.sentThere().to == kUpstream);
}

}  // namespace
}  // namespace sluice
