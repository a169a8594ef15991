// opus in another process: held packets are sent first, and the numbers continue.
#include "test/filters/opus/opus_fixture.h"
#include "test/filters/takeover/takeover.h"

namespace sluice {
namespace {

using namespace test;

struct Next {
  Next(OpusFixture& fixture, const std::string& config)
      : before(fixture), filters{{opus_filter::filterType(), config}}, worker(fixture.clock) {}

  std::unique_ptr<ChainHarness> make() { return std::make_unique<ChainHarness>(worker, filters); }
  void advance(Duration by) {
    for (; by > Duration::zero(); by -= 1ms) {
      before.clock.advance(1ms);
      worker.timers().run();
    }
  }

  OpusFixture& before;
  const std::vector<FilterConfig> filters;
  FakeWorker worker;
  std::unique_ptr<ChainHarness> owned = make();
  ChainHarness& chain = *owned;
};

std::vector<uint16_t> numbers(const std::vector<Captured>& packets) {
  std::vector<uint16_t> all;
  for (const Captured& packet : packets) all.push_back(rtp::parse(packet.data)->sequence);
  return all;
}

const std::string kHold = "{ playout_delay { floor_ms: 80 ceiling_ms: 80 } }";

TEST_CASE(
    "held packets are sent at once in both directions, unchanged; packets that arrive in the new process are "
    "held there") {
  OpusFixture f("ingress " + kHold + " egress " + kHold);
  const auto payloads = encode(voiceSignal(0.4, 120), {});
  for (size_t i = 0; i < 3; ++i) {
    f.chain.ingress(f.packet(i, payloads[i]));
    f.chain.egress(f.packet(i, payloads[i]));
    f.advance(20ms);
  }
  CHECK(f.chain.inner.empty());
  CHECK(f.chain.outer.empty());
  Next next(f, "ingress " + kHold + " egress " + kHold);
  CHECK(next.chain.takeOver(f.chain) == "");
  REQUIRE(f.chain.inner.size() == 3);
  REQUIRE(f.chain.outer.size() == 3);
  for (size_t i = 0; i < 3; ++i) {
    CHECK(f.chain.inner[i].data == f.packet(i, payloads[i]));
    CHECK(f.chain.outer[i].data == f.packet(i, payloads[i]));
  }
  f.chain.closeChain();
  CHECK(f.chain.inner.size() == 3);
  CHECK(f.worker.pool().unaccounted() == 0);
  next.chain.ingress(f.packet(3, payloads[3]));
  next.chain.egress(f.packet(3, payloads[3]));
  CHECK(next.chain.inner.empty());
  next.advance(100ms);
  REQUIRE(next.chain.inner.size() == 1);
  REQUIRE(next.chain.outer.size() == 1);
  CHECK(next.chain.inner[0].data == f.packet(3, payloads[3]));
  CHECK(next.chain.outer[0].data == f.packet(3, payloads[3]));
}

TEST_CASE("truncated state is refused") {
  OpusFixture f("ingress { mode: CONCEAL } egress {}");
  const auto payloads = encode(voiceSignal(0.4, 120), {});
  for (size_t i = 0; i < 3; ++i) f.chain.egress(f.packet(i, payloads[i]));
  Next next(f, "ingress { mode: CONCEAL } egress {}");
  checkCuts(f.chain.save(), [&] { return next.make(); });
}

// 60 ms frames in, 20 ms frames out: TRANSCODE uses its own numbers.
TEST_CASE("the numbers of TRANSCODE continue under any new configuration, and none is used twice") {
  for (const std::string there : {"egress { mode: TRANSCODE }", "egress {}", "ingress {}"}) {
    CAPTURE(there);
    OpusFixture f("egress { mode: TRANSCODE }");
    f.first_sequence = 100;
    f.frame = 2880;
    f.chain.session.known_player = makePlayer({kSsrc});
    const auto payloads = encode(voiceSignal(2, 120), {.frame_ms = 60});
    const auto packet = [&](size_t i) {
      const auto number = static_cast<uint16_t>(f.first_sequence + i);
      return rtpPacket(number, static_cast<uint32_t>(i) * f.frame, payloads[i], kSsrc, 97);
    };
    for (size_t i = 0; i < 10; ++i) {
      f.chain.egress(packet(i));
      f.advance(60ms);
    }
    Next next(f, there);
    CHECK(next.chain.takeOver(f.chain) == "");
    const auto sent = numbers(f.chain.outer);
    REQUIRE(sent.size() >= 27);
    for (size_t i = 10; i < 20; ++i) {
      next.chain.egress(packet(i));
      next.advance(60ms);
    }
    next.advance(500ms);
    auto more = numbers(next.chain.outer);
    REQUIRE(more.size() >= 10);
    if (there == "ingress {}") {  // the router leaves the used ones out, from now on
      CHECK(f.chain.session.known_player->slot_sequences[0].takeReserved() ==
            static_cast<uint16_t>(sent.back() - 109));
    } else {
      CHECK(more.front() == static_cast<uint16_t>(sent.back() + 1));
      CHECK(std::ranges::is_sorted(more, std::ranges::less_equal()));
    }
  }
}

}  // namespace
}  // namespace sluice
