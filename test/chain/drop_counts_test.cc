#include "source/chain/drop_counts.h"

#include <doctest/doctest.h>
#include <google/protobuf/wrappers.pb.h>

#include "source/chain/typed_filter.h"
#include "test/support/allocations.h"
#include "test/support/harness.h"

namespace sluice {
namespace {

using chain::NamedDrops;
using test::ChainHarness;

enum class Drop { k0, k1, k2, k3, k4, k5, k6, k7, k8, k9 };
constexpr stats::Schema<Drop> kSchema{.drops = {{Drop::k0, "r0"},
                                                {Drop::k1, "r1"},
                                                {Drop::k2, "r2"},
                                                {Drop::k3, "r3"},
                                                {Drop::k4, "r4"},
                                                {Drop::k5, "r5"},
                                                {Drop::k6, "r6"},
                                                {Drop::k7, "r7"},
                                                {Drop::k8, "r8"},
                                                {Drop::k9, "r9"}}};
constexpr std::string_view kOtherReasons[] = {"q0", "r1"};
constexpr std::string_view kEnds[] = {"e0", "e1"};

// The reasons of "a renamed" have other names.
struct Settings {
  char name = 0;
  std::shared_ptr<const stats::FilterSchema> own;

  std::shared_ptr<const stats::FilterSchema> schema() const { return own; }
};

Result<Settings> readSettings(const google::protobuf::StringValue& config, chain::FactoryContext&) {
  Settings out{.name = config.value()[0], .own = nullptr};
  if (config.value().size() > 1) {
    out.own = std::make_shared<stats::FilterSchema>(
        stats::FilterSchema{.drops = kOtherReasons, .counters = {}, .histograms = {}});
  }
  return out;
}

// "a" drops "a3" with the reason 3 and passes on the rest.
class Refuser final : public chain::TypedFilter<Settings, kSchema> {
 public:
  using TypedFilter::TypedFilter;

  void onIngress(net::PacketPtr&& packet) override {
    if (packet->data()[0] != settings().name) return context_.ingress(std::move(packet));
    const int reason = packet->data()[1] - '0';
    context_.drop(std::move(packet), static_cast<Drop>(reason));
  }
};

test::FilterConfig refuser(const std::string& name, const std::string& more = "") {
  return {chain::typedFilterType<Refuser, readSettings>({.name = "refuser"}), "value: '" + name + more + "'",
          name};
}

struct Fixture {
  ManualClock clock;
  test::FakeWorker worker{clock};
  ChainHarness chain{worker, {refuser("a"), refuser("b")}};
  ChainHarness other_session{worker, {refuser("a"), refuser("b")}};

  void drop(const std::vector<const char*>& packets) {
    for (const char* packet : packets) chain.ingress(asBytes(packet));
  }
  static std::string shown(ChainHarness& of) {
    std::string all;
    for (const NamedDrops& drops : of.chain().drops(kEnds)) {
      all += drops.filter + "/" + drops.reason + "=" + std::to_string(drops.packets) + " ";
    }
    return all;
  }
  std::string shown() { return shown(chain); }
};

TEST_CASE("a session's drops are counted by filter and reason, and separately from other sessions") {
  Fixture f;
  CHECK(f.shown() == "");
  f.drop({"b1", "a1", "b1", "a9", "b1"});
  CHECK(f.shown() == "b/r1=3 a/r1=1 a/r9=1 ");
  CHECK(f.chain.dropped("b", "r1") == 3);  // the filter's statistics as before
  CHECK(f.shown(f.other_session) == "");
}

TEST_CASE("drops at an end of the chain are counted too, without a filter") {
  Fixture f;
  f.chain.chain().countEndDrop(1);
  f.drop({"a1"});
  f.chain.chain().countEndDrop(1);
  CHECK(f.shown() == "/e1=2 a/r1=1 ");
}

TEST_CASE("the last drop has a name and a time") {
  Fixture f;
  const auto last = [&] {
    const auto drop = f.chain.chain().lastDrop(kEnds);
    return drop ? drop->filter + "/" + drop->reason : "none";
  };
  CHECK(last() == "none");
  f.drop({"b1", "a1"});
  CHECK(last() == "a/r1");
  f.clock.advance(3s);
  f.drop({"b1"});
  CHECK(last() == "b/r1");
  CHECK(f.chain.chain().lastDrop(kEnds)->at == f.clock.now());
  f.chain.chain().countEndDrop(1);
  CHECK(last() == "/e1");
  f.drop({"b1"});
  f.chain.reload({refuser("b")});  // the counts of "a" move
  CHECK(last() == "b/r1");
  f.chain.reload({refuser("a")});
  CHECK(last() == "/other");
  ChainHarness after(f.worker, {refuser("a")});
  after.chain().loadDrops(f.chain.chain().drops(kEnds), kEnds);
  CHECK_FALSE(after.chain().lastDrop(kEnds));
}

TEST_CASE("recent drops are those since an instant, with the filter's type") {
  Fixture f;
  const auto recent = [&](Duration ago) {
    std::string out;
    for (const auto& drop : f.chain.chain().recentDrops(kEnds, ago)) {
      out += std::string(drop.filter_type) + "/" + std::string(drop.reason) + " ";
    }
    return out;
  };
  CHECK(recent(1h) == "");
  f.drop({"a1"});
  f.clock.advance(3s);
  f.chain.chain().countEndDrop(1);
  CHECK(recent(2s) == "/e1 ");
  CHECK(recent(3s).find("/r1 /e1 ") != std::string::npos);
  ChainHarness after(f.worker, {refuser("a")});
  after.chain().loadDrops(f.chain.chain().drops(kEnds), kEnds);
  CHECK(after.chain().recentDrops(kEnds, 1h).empty());
}

TEST_CASE("DropCounts: twelve kinds of drops are separate, further kinds are counted together") {
  Fixture f;
  f.drop({"a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "b0", "b1", "b2", "b3", "b2", "b1"});
  CHECK(f.shown() ==
        "a/r0=1 a/r1=1 a/r2=1 a/r3=1 a/r4=1 a/r5=1 a/r6=1 a/r7=1 a/r8=1 a/r9=1 b/r0=1 b/r1=2 /other=3 ");
}

TEST_CASE("a reload keeps the drops of filters that stay; the rest counts as other") {
  Fixture f;
  f.drop({"a1", "b2", "b2", "b3"});
  f.chain.reload({refuser("b"), refuser("a")});
  CHECK(f.shown() == "a/r1=1 b/r2=2 b/r3=1 ");
  f.chain.reload({refuser("a"), refuser("n")});
  f.drop({"a1", "n4"});
  CHECK(f.shown() == "a/r1=2 n/r4=1 /other=3 ");
}

TEST_CASE("a reload that renames reasons does not rename earlier counts") {
  Fixture f;
  f.drop({"a0", "b0"});
  f.chain.reload({refuser("a", " renamed"), refuser("b")});
  CHECK(f.shown() == "b/r0=1 /other=1 ");
  f.drop({"a0"});
  CHECK(f.shown() == "b/r0=1 a/q0=1 /other=1 ");
}

TEST_CASE("drops are handed over to another process by name") {
  Fixture f;
  f.drop({"a0", "a1", "a1", "b2"});
  f.chain.chain().countEndDrop(0);
  ChainHarness after(f.worker, {refuser("n"), refuser("a", " renamed")});
  after.chain().loadDrops(f.chain.chain().drops(kEnds), kEnds);
  CHECK(f.shown(after) == "a/r1=2 /e0=1 /other=2 ");
  ChainHarness next(f.worker, {refuser("a", " renamed")});
  next.chain().loadDrops(after.chain().drops(kEnds), kEnds);
  CHECK(f.shown(next) == "a/r1=2 /e0=1 /other=2 ");
}

TEST_CASE("DropCounts: counts saturate, and memory for them is small") {
  chain::DropCounts counts;
  counts.restore(nullptr, 0, UINT32_MAX - 1);
  counts.add(nullptr, 0, {});
  counts.add(nullptr, 0, {});
  CHECK(counts.places()[0].packets == UINT32_MAX);
  counts.addOther(UINT32_MAX);
  counts.forget(nullptr);
  CHECK(counts.other() == UINT32_MAX);
  CHECK(counts.places().empty());
  CHECK(sizeof(chain::DropCounts) <= 208);
}

TEST_CASE("10,000 drops of all kinds allocate nothing") {
  Fixture f;
  f.drop({"a0", "b0"});
  test::countAllocations(true);
  const uint64_t before = test::allocations();
  for (int i = 0; i < 10'000; ++i) {
    const char packet[] = {i % 2 == 0 ? 'a' : 'b', static_cast<char>('0' + i / 2 % 10)};
    f.chain.ingress(Bytes(reinterpret_cast<uint8_t*>(const_cast<char*>(packet)), 2));
  }
  const uint64_t after = test::allocations();
  test::countAllocations(false);
  CHECK(after - before == 0);
  CHECK(f.chain.dropped("a", "r3") == 500);
}

}  // namespace
}  // namespace sluice
