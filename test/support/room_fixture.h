// Players of a room on one worker, each with its own chain.
#pragma once

#include <doctest/doctest.h>

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

  ManualClock clock;
  FakeWorker worker{clock};
  rooms::Directory directory{{}, 1, clock};
  std::map<std::string, std::unique_ptr<ChainHarness>> chains;  // by the player's name

  // The player is connected.
  ChainHarness& join(const std::string& name, const Media& media, std::vector<FilterConfig> filters,
                     const std::string& room = "room") {
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
    auto chain = std::make_unique<ChainHarness>(worker, std::move(filters));
    chain->directory = &directory;
    chain->session.known_player = *player;
    (*player)->observed.connected = true;
    chain->chain();
    return *(chains[name] = std::move(chain));
  }

  void wait(Duration duration) {
    clock.advance(duration);
    worker.timers().run();
  }
};

}  // namespace sluice::test
