// Modules in another process: their state is handed over as bytes, also into other code.
#include <filesystem>

#include "filters/module/module.h"
#include "test/filters/takeover/takeover.h"

namespace sluice::test {
namespace {

std::vector<FilterConfig> unruly(const std::string& mode, const std::string& file) {
  const std::string path = std::filesystem::absolute("test/filters/module/" + file + ".so").string();
  return {{module::filterType(),
           "file: '" + path + "' config { fields { key: 'mode' value { string_value: '" + mode + "' } } }"}};
}

// A session that has received two packets, and the session that continues it.
struct Moved {
  Moved(const std::string& mode, const std::string& code, const std::string& mode_there,
        const std::string& code_there)
      : before(worker, unruly(mode, code)), after(next_worker, unruly(mode_there, code_there)) {
    before.ingress(asBytes("one"));
    before.ingress(asBytes("two"));
  }
  ~Moved() {
    before.closeChain();
    after.closeChain();
    worker.runMain();
    next_worker.runMain();
    CHECK(worker.pool().unaccounted() + next_worker.pool().unaccounted() == 0);
  }
  // The number of packets that the module counts after one more.
  std::string seen() {
    after.ingress(asBytes("three"));
    clock.advance(10ms);
    next_worker.timers().run();
    return after.outer.empty() ? "" : std::string(asText(after.outer.back().data));
  }
  uint64_t handovers(const char* state) { return after.counted("module", "handovers", state); }

  ManualClock clock;
  FakeWorker worker{clock}, next_worker{clock};
  ChainHarness before, after;
};

TEST_CASE("a module's state is handed over, into the same code and into other code") {
  for (const char* code : {"unruly_1", "unruly_2"}) {
    CAPTURE(code);
    Moved m("later", "unruly_1", "later", code);
    CHECK(m.after.takeOver(m.before) == "");
    CHECK(m.handovers("kept") == 1);
    CHECK(m.seen() == "tick 3");
  }
}

TEST_CASE("a module that cannot write its state, or cannot read it, starts with fresh state") {
  struct Case {
    const char *mode, *code, *mode_there, *code_there;
  };
  for (const Case& c :
       {Case{"later", "forgetful", "later", "forgetful"}, Case{"later", "unruly_1", "later", "forgetful"},
        Case{"later", "forgetful", "later", "unruly_1"}, Case{"hoard", "unruly_1", "later", "unruly_1"}}) {
    CAPTURE(c.mode);
    CAPTURE(c.code);
    CAPTURE(c.code_there);
    Moved m(c.mode, c.code, c.mode_there, c.code_there);
    CHECK(m.after.takeOver(m.before) == "");
    CHECK(m.handovers("lost") == 1);
    CHECK(m.seen() == "tick 1");
  }
  Moved forgets("later", "unruly_1", "forget", "unruly_2");
  CHECK(forgets.after.takeOver(forgets.before) == "");
  CHECK(forgets.handovers("lost") == 1);
}

TEST_CASE("truncated state is refused") {
  Moved m("later", "unruly_1", "later", "unruly_1");
  const auto filters = unruly("later", "unruly_1");
  checkCuts(m.before.save(), [&] { return std::make_unique<ChainHarness>(m.next_worker, filters); });
}

// Packets that a module sends after its neighbours were written would use numbers that the other process uses
// too.
TEST_CASE("a module sends nothing while it is written, nor when it ends") {
  Moved m("chatty", "unruly_1", "later", "unruly_1");
  CHECK(m.after.takeOver(m.before) == "");
  m.before.closeChain();
  CHECK(m.before.outer.empty());
  CHECK(m.before.counted("module", "not_sent") == 2);
}

TEST_CASE("after a failed takeover a module may send again") {
  Moved m("chatty", "unruly_1", "later", "unruly_1");
  CHECK(m.before.save().lost == "");
  CHECK(m.before.outer.empty());
  m.before.closeChain();
  CHECK(m.before.outer.size() == 1);
}

}  // namespace
}  // namespace sluice::test
