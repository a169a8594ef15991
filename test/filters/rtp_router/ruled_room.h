// Players of a room whose game decides who hears whom.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "source/audibility/selection.h"
#include "source/chain/room_audibility.h"
#include "test/audibility/room_builder.h"
#include "test/filters/rtp_router/router_room.h"

namespace sluice::test {

inline uint32_t numberOf(const ChainHarness& chain) {
  return chain.session.known_player->number;
}

inline uint32_t roomOf(const ChainHarness& chain) {
  return chain.session.known_player->room->number();
}

struct RuledRoom : RouterRoom {
  explicit RuledRoom(std::vector<audibility::Rule> rules, unsigned count = 1) : RouterRoom(count) {
    setRules(std::move(rules));
  }

  // The room has a `selection` whose numbers differ from those of the filter.
  void setRules(std::vector<audibility::Rule> rules) { game.setRules(std::move(rules), selection); }

  // The player stands at the origin. Each speaker needs an SSRC of its own if receivers are compared by it.
  ChainHarness& add(const std::string& name, const PlayerOptions& options = {}, const char* config = "") {
    ChainHarness& chain = RouterRoom::add(name, options, config);
    game.at(numberOf(chain), 0);
    return chain;
  }

  // The workers get the game's state.
  void publish() {
    for (FakeWorker& one : workers) publish(one);
  }
  void publish(FakeWorker& to) {
    const uint32_t room = roomOf(*chains.begin()->second);
    to.local<chain::RoomAudibility>().update(room, game.state.publish(clock.now()));
  }

  // The player's next packet, with speech.
  void speak(ChainHarness& speaker) {
    VoicePacket& packet = packets_[numberOf(speaker)];
    ++packet.sequence;
    packet.timestamp += 960;
    packet.ssrc = speaker.session.known_player->negotiated.sending->ssrcs.front();
    speaker.ingress(packet.bytes());
  }
  // The speaker's next packet is lost on the way to the server.
  void lose(const ChainHarness& speaker) { ++packets_[numberOf(speaker)].sequence; }

  // How many packets of the speaker's next one the receiver gets.
  size_t hears(const ChainHarness& receiver, ChainHarness& speaker) {
    const size_t before = receiver.outer.size();
    speak(speaker);
    return receiver.outer.size() - before;
  }

  audibility::Selection::Config selection{.max_speakers = 20,
                                          .rank_by = audibility::Selection::RankBy::kLoudness,
                                          .hysteresis_db = 6,
                                          .min_hold = 100ms,
                                          .hold = 100ms};
  audibility::test::Room game;

 private:
  std::map<uint32_t, VoicePacket> packets_;  // by player
};

}  // namespace sluice::test
