// Players of a room, each with its own chain, on one worker or more.
#pragma once

#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "source/rooms/directory.h"
#include "test/support/harness.h"

namespace sluice::test {

struct RoomFixture {
  // What a player negotiates: one section for what it sends and for each of its slots.
  struct Media {
    rooms::AudioSection section{};
    std::vector<uint32_t> ssrcs{};  // of the stream that it sends
    bool sends = true;
    unsigned slots = 1;
  };

  explicit RoomFixture(unsigned count = 1)
      : worker(workers.emplace_back(clock, 0, count)), directory({}, count, clock) {
    for (unsigned i = 1; i < count; ++i) workers.emplace_back(clock, i, count);
    for (FakeWorker& one : workers) {
      for (FakeWorker& peer : workers) one.peers.push_back(&peer);
    }
  }

  ManualClock clock;
  std::deque<FakeWorker> workers;
  FakeWorker& worker;  // the first one
  rooms::Directory directory;
  std::map<std::string, std::unique_ptr<ChainHarness>> chains;  // by the player's name

  // The player is connected.
  ChainHarness& join(const std::string& name, const Media& media, std::vector<FilterConfig> filters,
                     const std::string& room = "room", unsigned on = 0) {
    rooms::Negotiated negotiated;
    negotiated.local = {name, "password"};
    negotiated.cname = "cname-" + name;
    if (media.sends) {
      negotiated.sending.emplace();
      static_cast<rooms::AudioSection&>(*negotiated.sending) = media.section;
      negotiated.sending->ssrcs = media.ssrcs;
    }
    for (unsigned i = 0; i < media.slots; ++i) {
      rooms::Slot slot;
      static_cast<rooms::AudioSection&>(slot) = media.section;
      slot.ssrc = 0x5107'0000 + static_cast<uint32_t>(chains.size()) * 16 + 2 * i;
      slot.rtx_ssrc = slot.ssrc + 1;
      negotiated.slots.push_back(slot);
    }
    auto player = directory.join(room, name, negotiated);
    REQUIRE(player.ok());
    auto chain = std::make_unique<ChainHarness>(workers[on], std::move(filters));
    chain->directory = &directory;
    chain->session.known_player = *player;
    (*player)->observed.connected = true;
    chain->chain();
    return *(chains[name] = std::move(chain));
  }

  void wait(Duration duration) {
    clock.advance(duration);
    for (FakeWorker& one : workers) one.timers().run();
  }
};

}  // namespace sluice::test
