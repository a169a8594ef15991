#include "filters/position_feed/position_feed.h"

#include <doctest/doctest.h>

#include <limits>

#include "test/filters/position_feed/sender.h"
#include "test/support/allocations.h"
#include "test/support/harness.h"

namespace sluice::position_feed {
namespace {

using audibility::Vector3;
using test::ChainHarness;
using test::kFeedSecret;
using test::Sender;

const std::string kKey = "keys { secret: '" + kFeedSecret + "' } ";

// Records all moves and returns a given outcome.
struct FakeSink final : chain::PositionSink {
  struct Move {
    std::string room, player;
    std::optional<Vector3> position;
  };
  audibility::PositionOutcome move(const audibility::PositionUpdate& update) override {
    for (const audibility::PlayerMove& move : update.players) {
      moves.push_back({std::string(update.room), std::string(move.player), move.position});
    }
    sequences.push_back(update.sequence);
    sources.push_back(update.source);
    return outcome;
  }

  std::vector<Move> moves;
  std::vector<uint64_t> sequences, sources;
  audibility::PositionOutcome outcome{.has_room = true, .moved = 1};
};

struct Fixture {
  explicit Fixture(const std::string& config = kKey) { use(chain, config); }

  void use(ChainHarness& harness, const std::string& config) {
    harness.process = &process;
    harness.positions = &sink;
    harness.reload({{filterType(), config}});
  }
  uint64_t dropped(std::string_view reason) const { return chain.dropped("position_feed", reason); }
  uint64_t counted(std::string_view counter) const { return chain.counted("position_feed", counter); }
  // A datagram of the sender with one byte of its body or header replaced.
  std::vector<uint8_t> changed(size_t at, uint8_t to) {
    auto datagram = sender.datagram({{"ann"}});
    datagram[at] = to;
    return sender.sign(datagram);
  }

  ManualClock clock;
  test::FakeWorker worker{clock};
  chain::ProcessState process;
  FakeSink sink;
  ChainHarness chain{worker, {{filterType(), kKey}}};
  Sender sender{clock};
};

TEST_CASE("an accepted datagram moves players on the main thread") {
  Fixture f;
  f.chain.ingress(f.sender.datagram({{"ann", {{1, 2, 3}}}, {"ben", {{4, 5, 6}}}}));
  CHECK(f.sink.moves.empty());
  f.worker.runMain();
  REQUIRE(f.sink.moves.size() == 2);
  CHECK(f.sink.moves[0].room == "lobby");
  CHECK(f.sink.moves[1].player == "ben");
  CHECK(f.sink.moves[1].position == Vector3{4, 5, 6});
  CHECK(f.sink.sequences[0] == f.sender.sequence());
  CHECK(f.counted("accepted") == 1);
  CHECK(f.chain.session.kept_alive == 1);
  CHECK(f.chain.outer.empty());
  CHECK(f.chain.inner.empty());
  CHECK(f.worker.pool().unaccounted() == 0);
}

TEST_CASE("what the main thread found is counted") {
  Fixture f;
  f.sink.outcome = {.has_room = true, .moved = 4, .unknown = 2, .outdated = 3};
  f.chain.ingress(f.sender.datagram({{"ann"}}));
  f.sink.outcome = {};
  f.worker.runMain();
  CHECK(f.counted("unknown_rooms") == 1);
  f.sink.outcome = {.has_room = true, .moved = 4, .unknown = 2, .outdated = 3};
  f.chain.ingress(f.sender.datagram({{"ann"}}));
  f.worker.runMain();
  CHECK(f.counted("moved_players") == 4);
  CHECK(f.counted("unknown_players") == 2);
  CHECK(f.counted("outdated_players") == 3);
  CHECK(f.counted("unknown_rooms") == 1);
}

TEST_CASE("every refused datagram has a reason, moves no player and gets no response") {
  Fixture f;
  Sender stranger(f.clock, 9), impostor(f.clock, 0, "the secret of another");
  const auto accepted = f.sender.datagram({{"ann"}});
  f.chain.ingress(accepted);
  const auto early = f.sender.datagram({{"ann"}});
  f.clock.advance(10s);
  f.sender.sequence() += 2000;
  f.chain.ingress(f.sender.datagram({{"ann"}}));
  f.sender.sequence() -= 2000;
  const auto below = f.sender.datagram({{"ann"}});
  f.sender.sequence() += 2000;
  const auto last = f.sender.datagram({{"ann"}});
  f.chain.ingress(last);
  f.worker.runMain();
  const size_t moves = f.sink.moves.size();
  CHECK(moves == 3);

  struct Case {
    const char* reason;
    std::vector<uint8_t> datagram;
  };
  const Case cases[] = {
      {"not_a_feed", {'S', 'L', 'P', 'F', 1}},
      {"not_a_feed", f.changed(0, 'X')},
      {"not_a_feed", f.changed(7, 1)},
      {"version", f.changed(4, 2)},
      {"unknown_key", stranger.datagram({{"ann"}})},
      {"wrong_mac", impostor.datagram({{"ann"}})},
      {"wrong_time", early},
      {"wrong_time", f.changed(16, 0xFF)},
      {"replayed", last},
      {"too_old", below},
      {"malformed", f.changed(24, 0)},
      {"malformed", f.changed(32, 0)},
      {"wrong_position", f.sender.datagram({{"ben"}, {"ann", {{0, 1e8F, 0}}}})},
  };
  std::map<std::string, uint64_t> expected;
  for (const Case& c : cases) {
    CAPTURE(c.reason);
    f.chain.ingress(c.datagram);
    CHECK(f.dropped(c.reason) == ++expected[c.reason]);
  }
  f.worker.runMain();
  CHECK(f.sink.moves.size() == moves);
  CHECK(f.counted("accepted") == 3);
  CHECK(f.chain.outer.empty());
}

TEST_CASE("at most 1024 datagrams wait for the main thread") {
  Fixture f;
  for (int i = 0; i < 1025; ++i) f.chain.ingress(f.sender.datagram({{"ann"}}));
  CHECK(f.dropped("overloaded") == 1);
  f.worker.runMain();
  CHECK(f.sink.moves.size() == 1024);
  f.chain.ingress(f.sender.datagram({{"ann"}}));
  CHECK(f.dropped("overloaded") == 1);
}

TEST_CASE("max_age_ms limits the difference of the clocks in both directions") {
  Fixture f(kKey + "max_age_ms: 1000");
  const auto late = f.sender.datagram({{"ann"}}), later = f.sender.datagram({{"ann"}});
  f.clock.advance(1s);
  f.chain.ingress(late);
  f.clock.advance(1ms);
  f.chain.ingress(later);
  CHECK(f.counted("accepted") == 1);
  CHECK(f.dropped("wrong_time") == 1);
  ManualClock ahead;
  Sender fast(ahead);
  ahead.advance(2001ms);
  fast.sequence() += 100;
  f.chain.ingress(fast.datagram({{"ann"}}));
  CHECK(f.counted("accepted") == 2);
  ahead.advance(1ms);
  f.chain.ingress(fast.datagram({{"ann"}}));
  CHECK(f.dropped("wrong_time") == 2);
  f.chain.reload({{filterType(), kKey + "max_age_ms: 0"}});
  f.chain.ingress(later);
  CHECK(f.counted("accepted") == 3);
}

TEST_CASE("reordered datagrams within the window are accepted, each once, on any worker") {
  Fixture f;
  test::FakeWorker other_worker(f.clock, 1, 2);
  ChainHarness other(other_worker, {{filterType(), kKey}});
  f.use(other, kKey);
  std::vector<std::vector<uint8_t>> datagrams;
  for (int i = 0; i < 4; ++i) datagrams.push_back(f.sender.datagram({{"ann"}}));
  for (const size_t i : {3, 0, 2}) f.chain.ingress(datagrams[i]);
  for (const auto& datagram : datagrams) other.ingress(datagram);
  CHECK(f.counted("accepted") == 3);
  CHECK(other.counted("position_feed", "accepted") == 1);
  CHECK(other.dropped("position_feed", "replayed") == 3);
}

TEST_CASE("keys are independent, and each is a source of its own") {
  Fixture f(kKey + "keys { id: 255 secret: 'another secret of the test' }");
  Sender other(f.clock, 255, "another secret of the test");
  f.chain.ingress(f.sender.datagram({{"ann"}}));
  f.chain.ingress(other.datagram({{"ann"}}));
  f.worker.runMain();
  CHECK(f.counted("accepted") == 2);
  REQUIRE(f.sink.sources.size() == 2);
  CHECK(f.sink.sources[0] != f.sink.sources[1]);
}

TEST_CASE("a reload keeps the window, also of a key that an earlier reload removed") {
  Fixture f;
  const auto datagram = f.sender.datagram({{"ann"}});
  f.chain.ingress(datagram);
  f.chain.reload({{filterType(), kKey + "max_age_ms: 6000"}});
  f.chain.ingress(datagram);
  CHECK(f.dropped("replayed") == 1);
  f.chain.reload({{filterType(), "keys { id: 1 secret: 'another secret of the test' }"}});
  f.chain.ingress(datagram);
  CHECK(f.dropped("unknown_key") == 1);
  f.chain.reload({{filterType(), kKey}});
  f.chain.ingress(datagram);
  CHECK(f.dropped("replayed") == 2);
  f.chain.ingress(f.sender.datagram({{"ann"}}));
  CHECK(f.counted("accepted") == 2);
}

TEST_CASE("another process continues with the window") {
  Fixture before, after;
  const auto datagram = before.sender.datagram({{"ann"}});
  before.chain.ingress(datagram);
  Descriptors none;
  Archive out(none);
  before.process.archive(out);
  const std::string bytes = out.takeBytes();
  Archive in(asBytes(bytes), none);
  after.process.archive(in);
  REQUIRE(in.ok());
  after.chain.ingress(datagram);
  CHECK(after.dropped("replayed") == 1);
  after.chain.ingress(before.sender.datagram({{"ann"}}));
  CHECK(after.counted("accepted") == 1);
  for (size_t size = 0; size < bytes.size(); size += 100) {
    Archive cut(asBytes(bytes).first(size), none);
    chain::ProcessState fresh;
    ChainHarness chain(after.worker, {{filterType(), kKey}});
    chain.process = &fresh;
    chain.reload({{filterType(), kKey}});
    fresh.archive(cut);
    CHECK_FALSE(cut.ok());
  }
}

TEST_CASE("without rooms every room is unknown") {
  Fixture f;
  ChainHarness alone(f.worker, {{filterType(), kKey}});
  alone.ingress(f.sender.datagram({{"ann"}}));
  f.worker.runMain();
  CHECK(alone.counted("position_feed", "unknown_rooms") == 1);
}

TEST_CASE("a refused datagram allocates nothing") {
  Fixture f;
  Sender impostor(f.clock, 0, "the secret of another");
  const auto forged = impostor.datagram({{"ann"}}), good = f.sender.datagram({{"ann"}});
  const std::vector<uint8_t> noise(100, 'x');
  f.chain.ingress(good);
  const auto allocationsOf = [](const auto& run) {
    const uint64_t before = test::allocations();
    test::countAllocations(true);
    run();
    test::countAllocations(false);
    return test::allocations() - before;
  };
  for (const auto& datagram : {forged, good, noise}) f.chain.ingress(datagram);
  CHECK(allocationsOf([&] { f.chain.ingress(forged); }) == 0);
  CHECK(allocationsOf([&] { f.chain.ingress(good); }) == 0);
  CHECK(allocationsOf([&] { f.chain.ingress(noise); }) == 0);
}

TEST_CASE("wrong configurations are refused with the path of the field") {
  struct Case {
    std::string config, error;
  };
  for (const Case& c : {
           Case{"", "keys: at least one is required"},
           Case{"keys { secret: 'too short' }", "keys[0].secret: must have at least 16 bytes"},
           Case{"keys { id: 256 secret: 'another secret of the test' }", "keys[0].id: must be 0 to 255"},
           Case{kKey + "keys { id: 0 secret: 'another secret of the test' }",
                "keys[1].id: is the id of another key"},
           Case{kKey + "max_age_ms: 3600001", "max_age_ms: must be 0 to 3600000"},
       }) {
    const Errors errors = test::errorsOf({filterType(), c.config});
    CAPTURE(c.config);
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].toString() == c.error);
  }
}

}  // namespace
}  // namespace sluice::position_feed
