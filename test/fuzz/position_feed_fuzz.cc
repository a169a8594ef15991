// Datagrams to a position feed: arbitrary bytes, and bodies under a valid header and HMAC. The accepted ones
// move players of a room. An input is a list of (flags, size, bytes).
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "filters/position_feed/position_feed.h"
#include "source/control/room_states.h"
#include "source/crypto/hmac.h"
#include "source/rooms/directory.h"
#include "test/fuzz/input.h"
#include "test/support/harness.h"

namespace sluice {
namespace {

constexpr const char* kSecret = "a secret of the fuzz target";
constexpr size_t kMaxBody = 1400;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Sink final : chain::PositionSink, control::StateSink {
  explicit Sink(const Clock& clock) : directory({}, 1, clock), states(directory, clock, *this) {
    for (const char* id : {"ann", "ben"}) require(directory.join("lobby", id, {}).ok());
  }
  audibility::PositionOutcome move(const audibility::PositionUpdate& update) override {
    for (const audibility::PlayerMove& move : update.players) {
      require(!move.player.empty() && (move.position || move.forward));
      if (move.position) require(std::abs(move.position->x) + std::abs(move.position->z) <= 2e7F);
    }
    const auto outcome = states.move(update);
    require(!outcome.has_room || outcome.moved + outcome.unknown + outcome.outdated == update.players.size());
    require(outcome.moved <= 2);
    states.publishMoves();
    return outcome;
  }
  void publish(uint32_t, audibility::SnapshotPtr) override {}
  void forget(uint32_t) override {}

  rooms::Directory directory;
  control::RoomStates states;
};

// A datagram with this body that passes the checks before it.
std::vector<uint8_t> signedDatagram(Bytes body, uint64_t sequence, const Clock& clock) {
  std::vector<uint8_t> out{'S', 'L', 'P', 'F', 1, 3, 0, 0};
  out.resize(24);
  writeU64(&out[8], sequence);
  const auto since = clock.wall().time_since_epoch();
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
  writeU64(&out[16], static_cast<uint64_t>(now));
  out.insert(out.end(), body.begin(), body.end());
  uint8_t mac[32];
  crypto::hmacSha256(asBytes(kSecret), out, mac);
  out.insert(out.end(), mac, mac + sizeof mac);
  return out;
}

}  // namespace
}  // namespace sluice

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice;
  ManualClock clock;
  test::FakeWorker worker(clock);
  Sink sink(clock);
  const test::FilterConfig filter{position_feed::filterType(),
                                  std::string("keys { id: 3 secret: '") + kSecret + "' }"};
  test::ChainHarness chain(worker, {filter});
  chain.positions = &sink;
  chain.reload({filter});
  fuzz::Input input(data, size);
  uint64_t sequence = 5000, sent = 0;
  while (!input.atEnd()) {
    const uint8_t flags = input.u8();
    const Bytes bytes = input.bytes(kMaxBody);
    sequence += (flags & 2) != 0 ? 1 : 0;
    if ((flags & 4) != 0) sequence -= 3;
    if ((flags & 8) != 0) sequence += 2000;
    chain.ingress((flags & 1) != 0 ? signedDatagram(bytes, sequence, clock)
                                   : std::vector<uint8_t>(bytes.begin(), bytes.end()));
    ++sent;
    if ((flags & 16) != 0) clock.advance(1s);
    if ((flags & 32) != 0) chain.reload({filter});
    worker.runMain();
  }
  uint64_t counted = chain.counted("position_feed", "accepted");
  for (const stats::Counter& drops : chain.stats("position_feed").drops) counted += drops.value();
  if (sent > 0) require(counted == sent);
  require(chain.inner.empty() && chain.outer.empty());
  chain.closeChain();
  require(worker.pool().unaccounted() == 0);
  return 0;
}
