// A chain, and the process-wide state of filter types, are handed over to another process.
#include <doctest/doctest.h>
#include <google/protobuf/wrappers.pb.h>

#include "source/chain/filter_chain.h"
#include "source/chain/process_state.h"
#include "source/chain/typed_filter.h"
#include "test/support/harness.h"

namespace sluice {
namespace {

using test::ChainHarness;

struct Settings {
  std::string mode;
};

Result<Settings> readSettings(const google::protobuf::StringValue& config, chain::FactoryContext&) {
  return Settings{config.value()};
}

constexpr stats::Schema<stats::None> kSchema{};

// Counts packets and hands the count over; "lonely" cannot be handed over.
class Counter final : public chain::TypedFilter<Settings, kSchema> {
 public:
  using TypedFilter::TypedFilter;

  void onIngress(net::PacketPtr&& packet) override {
    ++count_;
    context_.ingress(std::move(packet));
  }
  void onAuthenticated(const net::Address&) override { proven_ = true; }
  bool archive(Archive& a) override {
    if (settings().mode == "lonely") return false;
    a(count_);
    return true;
  }
  void describe(chain::Description& out) const override {
    out.emplace_back(std::to_string(count_), proven_ ? "proven" : "");
  }

 private:
  uint32_t count_ = 0;
  bool proven_ = false;
};

test::FilterConfig counter(const std::string& name, const std::string& mode = "",
                           std::string_view type = "counter", uint32_t format = 1) {
  return {chain::typedFilterType<Counter, readSettings>({.name = type, .state_format = format}),
          "value: '" + mode + "'", name};
}

struct Fixture {
  // After two packets through "a" and "b".
  Fixture() {
    before.ingress(asBytes("x"));
    before.ingress(asBytes("x"));
  }
  // The chain that takes over: "NAME COUNT [proven]" of each filter, or the name of a filter that cannot
  // continue.
  std::string takenBy(std::vector<test::FilterConfig> filters) {
    ChainHarness after(next_worker, std::move(filters));
    const std::string lost = after.takeOver(before);
    if (!lost.empty()) return "lost: " + lost;
    std::string all;
    after.chain().forEach([&](const std::string& name, const chain::Filter& filter) {
      chain::Description description;
      filter.describe(description);
      all += name + description[0].first + description[0].second + " ";
    });
    return all;
  }

  ManualClock clock;
  test::FakeWorker worker{clock}, next_worker{clock};
  ChainHarness before{worker, {counter("a"), counter("b")}};
};

TEST_CASE("filters continue if name and type are the same, in any order; others start with fresh state") {
  Fixture f;
  CHECK(f.takenBy({counter("a"), counter("b")}) == "a2 b2 ");
  CHECK(f.takenBy({counter("b"), counter("a")}) == "b2 a2 ");
  CHECK(f.takenBy({counter("a"), counter("new"), counter("b")}) == "a2 new0 b2 ");
  CHECK(f.takenBy({counter("b")}) == "b2 ");
  CHECK(f.takenBy({}) == "");
  CHECK(f.takenBy({counter("renamed"), counter("b")}) == "renamed0 b2 ");
  CHECK(f.takenBy({counter("a", "", "other"), counter("b")}) == "a0 b2 ");
  CHECK(f.takenBy({counter("a", "other configuration"), counter("b")}) == "a2 b2 ");
}

TEST_CASE("a filter with fresh state is notified that the session has authenticated") {
  Fixture f;
  f.before.session.authenticate(f.before.session.selected);
  CHECK(f.takenBy({counter("a"), counter("new"), counter("b")}) == "a2 new0proven b2 ");
}

TEST_CASE("state of another format is not read, and its filter is named") {
  Fixture f;
  CHECK(f.takenBy({counter("b", "", "counter", 2)}) == "lost: b");
}

TEST_CASE(
    "a filter that cannot continue in another process is named, on either side; the old chain continues") {
  Fixture f;
  ChainHarness lonely(f.worker, {counter("a"), counter("l", "lonely"), counter("b")});
  lonely.ingress(asBytes("x"));
  const test::SavedChain saved = lonely.save();
  CHECK(saved.lost == "l");
  CHECK(saved.filters.empty());
  lonely.ingress(asBytes("x"));
  CHECK(lonely.inner.size() == 2);
  CHECK(f.takenBy({counter("a", "lonely"), counter("b")}) == "lost: a");
}

struct Key {
  static constexpr std::string_view kStateName = "key";
  uint64_t value = 0;
  void archive(Archive& a) { a(value); }
};
struct Tally {
  static constexpr std::string_view kStateName = "tally";
  std::string names;
  void archive(Archive& a) { a(names); }
};
struct Cache {
  int hits = 0;
};

std::string written(chain::ProcessState& state) {
  Descriptors none;
  Archive out(none);
  state.archive(out);
  return out.takeBytes();
}
bool read(chain::ProcessState& state, const std::string& bytes) {
  Descriptors none;
  Archive in(asBytes(bytes), none);
  state.archive(in);
  return in.ok() && in.atEnd();
}

TEST_CASE(
    "process-wide states are handed over by name; states without a name, or of one process only, are not") {
  chain::ProcessState before, after;
  before.get<Key>()->value = 7;
  before.get<Tally>()->names = "alice";
  before.get<Cache>()->hits = 3;
  after.get<Key>();
  after.get<Cache>();
  CHECK(read(after, written(before)));
  CHECK(after.get<Key>()->value == 7);
  CHECK(after.get<Cache>()->hits == 0);
  CHECK(after.get<Tally>()->names == "");
}

TEST_CASE("process-wide states that are truncated, or belong to another type, are not read") {
  chain::ProcessState before;
  before.get<Key>()->value = 7;
  before.get<Tally>()->names = "alice";
  const std::string bytes = written(before);
  for (size_t size = 0; size < bytes.size(); ++size) {
    chain::ProcessState after;
    after.get<Key>();
    after.get<Tally>();
    CHECK_FALSE(read(after, bytes.substr(0, size)));
  }
  Descriptors none;
  Archive out(none);
  std::map<std::string, std::string> wrong{{"key", "short"}};
  out(wrong);
  chain::ProcessState after;
  after.get<Key>();
  CHECK_FALSE(read(after, out.takeBytes()));
}

}  // namespace
}  // namespace sluice
