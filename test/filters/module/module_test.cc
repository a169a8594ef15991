#include "filters/module/module.h"

#include <doctest/doctest.h>
#include <google/protobuf/any.pb.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "api/filters/module.pb.h"
#include "filters/module/library.h"
#include "source/chain/factory_context.h"
#include "test/support/harness.h"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;

std::string built(const std::string& name) {
  return fs::absolute("test/filters/module/" + name).string();
}
const std::string kTalkLimit = fs::absolute("examples/custom_filter/module_c/talk_limit.so").string();

std::string config(const std::string& file, const std::string& fields = "") {
  return "file: '" + file + "' config { " + fields + " }";
}
std::string unruly(const std::string& mode, const std::string& file = built("unruly_1.so")) {
  return config(file, "fields { key: 'mode' value { string_value: '" + mode + "' } }");
}

struct Fixture {
  explicit Fixture(const std::string& text) : chain(worker, {{module::filterType(), text}}) {}
  ~Fixture() {
    chain.closeChain();
    worker.runMain();
    CHECK(worker.pool().unaccounted() == 0);
  }
  void ingress(std::string_view data) { chain.ingress(asBytes(data)); }
  std::string inner() const {
    std::string all;
    for (const Captured& packet : chain.inner) all += std::string(asText(packet.data)) + " ";
    return all;
  }
  std::string outer() const {
    std::string all;
    for (const Captured& packet : chain.outer) all += std::string(asText(packet.data)) + " ";
    return all;
  }
  uint64_t dropped(std::string_view reason) const { return chain.dropped("module", reason); }
  void reload(const std::string& text) {
    chain.reload({{module::filterType(), text}});
    worker.runMain();
  }

  ManualClock clock;
  FakeWorker worker{clock};
  ChainHarness chain;
};

// Creates factories in one process, which outlives them.
class Maker {
 public:
  Result<chain::FilterFactoryPtr> make(const std::string& file, const std::string& mode,
                                       bool may_run_code = true) {
    context_.may_run_code = may_run_code;
    filters::Module message;
    message.set_file(file);
    (*message.mutable_config()->mutable_fields())["mode"].set_string_value(mode);
    google::protobuf::Any any;
    any.PackFrom(message);
    return module::filterType().parse(any, context_);
  }

 private:
  chain::ProcessState process_;
  ManualClock clock_;
  rooms::Directory directory_{{}, 1, clock_};
  std::map<std::string, std::shared_ptr<const chain::Cluster>> clusters_;
  std::set<net::Address> machine_;
  chain::FactoryContext context_{.clusters = clusters_,
                                 .machine = machine_,
                                 .directory = directory_,
                                 .process = process_,
                                 .dtls = nullptr,
                                 .credentials = std::make_shared<credentials::None>(),
                                 .nat = std::make_shared<net::AddressMap>(),
                                 .listener = {},
                                 .base_path = "."};
};

// The errors of this configuration.
std::string errorOf(const std::string& file, const std::string& mode = "") {
  Maker maker;
  const auto factory = maker.make(file, mode);
  return factory.ok() ? "" : factory.error().toString();
}

TEST_CASE("a dry run uses code that is already loaded, and neither loads other code nor calls it") {
  Maker maker;
  for (const std::string& file :
       {built("unruly_1.so"), built("without_symbol.so"), std::string("/no/such.so"),
        std::string("/dev/zero"), std::string("/proc/self/mem"), std::string("/proc/self/pagemap"),
        fs::absolute(".").string()}) {
    CAPTURE(file);
    const auto preview = maker.make(file, "fine", false);
    REQUIRE_FALSE(preview.ok());
    CHECK(preview.error() == Error{"file", "'" + file + "' is not the code of a loaded module"});
  }
  const auto running = maker.make(built("unruly_1.so"), "fine");
  REQUIRE(running.ok());
  const fs::path copy = fs::path(std::getenv("TEST_TMPDIR")) / "copy.so";
  fs::copy_file(built("unruly_1.so"), copy, fs::copy_options::overwrite_existing);
  const auto preview = maker.make(copy, "bad_config", false);  // which config_new would refuse
  REQUIRE(preview.ok());
  CHECK((*preview)->sameAs(**running));
  CHECK_FALSE(maker.make(built("unruly_2.so"), "fine", false).ok());
}

TEST_CASE("a file that is not a valid module is refused with a reason") {
  const auto says = [](const std::string& error, const std::string& part) {
    CAPTURE(error);
    CHECK(error.find(part) != std::string::npos);
  };
  says(errorOf(""), "file: is required");
  says(errorOf("/no/such.so"), "file: '/no/such.so' cannot be read");
  says(errorOf(fs::absolute(".").string()), "cannot be read");
  says(errorOf(built("without_symbol.so")), "exports no sluice_filter");
  says(errorOf(built("other_abi.so")), "was built for ABI 2; this is 1");
  says(errorOf(built("refusing.so")), "sluice_filter() returned null");
  says(errorOf(built("unruly_1.so"), "bad_config"), "config: the module reports: no such mode");
  const std::string garbage = std::string(std::getenv("TEST_TMPDIR")) + "/garbage.so";
  std::ofstream(garbage) << "not a shared object";
  says(errorOf(garbage), "cannot be loaded");
  CHECK(errorOf(built("unruly_1.so")) == "");
}

TEST_CASE("a module receives packets, may change them and mark them") {
  Fixture f(unruly("grow"));
  f.ingress("voice");
  CHECK(f.inner() == "<<voice>>> ");
  CHECK(f.chain.inner[0].tos == 46 << 2);
  f.reload(unruly("shrink"));
  f.ingress("voice");
  CHECK(f.inner() == "<<voice>>> oic ");
  f.chain.egress(asBytes("back"));
  CHECK(f.outer() == "back ");
}

TEST_CASE("a module that writes outside its packet is detected and the packet is dropped") {
  for (const char* mode : {"before", "behind", "elsewhere", "too_long"}) {
    CAPTURE(mode);
    Fixture f(unruly(mode));
    f.ingress("voice");
    CHECK(f.inner() == "");
    CHECK(f.dropped("out_of_bounds") == 1);
  }
}

TEST_CASE("an undefined verdict is a drop; the module's own drop reasons have their names") {
  for (const char* mode : {"nonsense", "negative", "drop_unknown"}) {
    CAPTURE(mode);
    Fixture f(unruly(mode));
    f.ingress("voice");
    CHECK(f.dropped("bad_verdict") == 1);
  }
  Fixture dropping(unruly("drop"));
  dropping.ingress("voice");
  CHECK(dropping.inner() == "");
  CHECK(dropping.dropped("disliked") == 1);
  Fixture consuming(unruly("consume"));
  consuming.ingress("voice");
  CHECK(consuming.inner() == "");
}

TEST_CASE("a session that the module refuses drops everything, and shows that state") {
  Fixture f(unruly("no_session"));
  f.ingress("voice");
  f.chain.egress(asBytes("back"));
  CHECK(f.dropped("no_session") == 2);
  f.reload(unruly("fine"));
  f.ingress("voice");
  CHECK(f.inner() == "voice ");
}

TEST_CASE("a call that takes long is counted") {
  Fixture f(unruly("sleep"));
  f.ingress("voice");
  CHECK(f.chain.counted("module", "slow_calls") == 1);
}

TEST_CASE("a module sends its own packets after a call, also from timers, up to a limit") {
  Fixture answering(unruly("answer"));
  answering.ingress("ping");
  CHECK(answering.outer() == "pong ");
  Fixture later(unruly("later"));
  later.ingress("voice");
  CHECK(later.outer() == "");
  later.clock.advance(10ms);
  later.worker.timers().run();
  CHECK(later.outer() == "tick 1 ");
  Fixture flooding(unruly("flood"));
  flooding.ingress("voice");
  CHECK(flooding.chain.inner.size() == 16 + 1);
  CHECK(flooding.chain.counted("module", "not_sent") == 84);
  Fixture endless(unruly("endless"));
  endless.ingress("voice");
  CHECK(endless.chain.counted("module", "not_sent") == 1);
}

TEST_CASE("a module's statistics have its names, and its indices address only its own statistics") {
  const auto schema = [](const std::string& file) {
    chain::ProcessState process;
    return (*process.get<module::Libraries>()->load(file))->schema();
  };
  const auto first = schema(built("unruly_1.so")), second = schema(built("unruly_2.so"));
  CHECK(first->schema().drops.back() == "disliked");
  CHECK(first->schema().counters.back().name == "seen");
  CHECK(first->schema().histograms.back().name == "wait");
  CHECK_FALSE(first->schema() == second->schema());
  CHECK(first->schema() == schema(built("unruly_1.so"))->schema());
}

// Replaces the file, as a build does.
TEST_CASE("other code continues a live session with its state") {
  const std::string file = std::string(std::getenv("TEST_TMPDIR")) + "/swapped.so";
  const auto install = [&](const std::string& name) {
    fs::copy_file(built(name), file + ".new");
    fs::rename(file + ".new", file);
  };
  install("unruly_1.so");
  Fixture f(unruly("later", file));
  f.ingress("one");
  f.ingress("two");
  SUBCASE("state that the new code can read") {
    install("unruly_2.so");
    f.reload(unruly("later", file));
    f.ingress("three");
    f.clock.advance(10ms);
    f.worker.timers().run();
    CHECK(f.outer() == "tick 3 ");
    CHECK(f.chain.counted("module", "handovers", "kept") == 1);
  }
  SUBCASE("state that the new code cannot read") {
    install("unruly_2.so");
    f.reload(unruly("forget", file));
    CHECK(f.chain.counted("module", "handovers", "lost") == 1);
  }
  SUBCASE("state that is too large") {
    f.reload(unruly("hoard", file));  // the same code, which cannot reload
    install("unruly_2.so");
    f.reload(unruly("later", file));
    CHECK(f.chain.counted("module", "handovers", "kept") == 1);
    CHECK(f.chain.counted("module", "handovers", "lost") == 1);
  }
  SUBCASE("a hundred times, and nothing of the old code remains") {
    for (int i = 0; i < 100; ++i) {
      install(i % 2 == 0 ? "unruly_2.so" : "unruly_1.so");
      f.reload(unruly("later", file));
      f.ingress("more");
    }
    f.clock.advance(10ms);
    f.worker.timers().run();
    CHECK(f.outer() == "tick 102 ");
    std::ifstream maps("/proc/self/maps");
    std::set<std::string> mapped;
    for (std::string line; std::getline(maps, line);) {
      if (line.find("swapped-") != std::string::npos) mapped.insert(line.substr(line.find('/')));
    }
    CHECK(mapped.size() == 1);
  }
}

TEST_CASE("the example drops packets above its rate, and keeps its bucket across a new configuration") {
  const auto limited = [](int per_second) {
    return config(kTalkLimit, "fields { key: 'packets_per_second' value { number_value: " +
                                  std::to_string(per_second) + " } }");
  };
  std::string voice(40, '\0');
  voice[0] = '\x80';
  voice[1] = 111;
  Fixture f(limited(10));
  for (int i = 0; i < 25; ++i) f.ingress(voice);
  CHECK(f.chain.inner.size() == 10);
  f.reload(limited(20));
  f.ingress(voice);
  CHECK(f.chain.inner.size() == 10);
  f.clock.advance(1s);
  for (int i = 0; i < 25; ++i) f.ingress(voice);
  CHECK(f.chain.inner.size() == 30);
  f.ingress("no voice");
  CHECK(f.chain.inner.size() == 31);
}

}  // namespace
}  // namespace sluice::test
