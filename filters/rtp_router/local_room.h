// The part of a room that is on one worker: its receivers, and which of them hear a speaker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "filters/rtp_router/voice.h"
#include "source/audibility/hearers.h"
#include "source/audibility/selection.h"
#include "source/base/clock.h"
#include "source/net/packet.h"
#include "source/rooms/room.h"

namespace sluice::rtp_router {

class Receiver {
 public:
  virtual ~Receiver() = default;
  virtual uint32_t number() const = 0;  // Player::number
  // `hearer` says how the receiver hears the speaker; null if the room has no rules. Adds and removes no
  // receiver.
  virtual void deliver(const net::SharedPacket& packet, const Voice& voice,
                       const audibility::Hearer* hearer) = 0;
  // By the room's rules, `inaudible` receivers of the worker do not hear a packet; `unheard`: none hears it.
  // One receiver counts for all.
  virtual void countInaudible(size_t inaudible, bool unheard) = 0;
};

class LocalRoom {
 public:
  // Both outlive the object.
  LocalRoom(const rooms::Room& room, audibility::Hearers& hearers) : room_(room), hearers_(hearers) {}

  void add(Receiver& receiver);
  void remove(Receiver& receiver);
  bool isEmpty() const { return receivers_.empty(); }

  // Delivers to the receivers who hear the speaker. `speaker`: null if it is on another worker.
  void deliver(const net::SharedPacket& packet, const Voice& voice, Receiver* speaker, const Clock& clock);

  uint16_t speakerLimit() const { return room_.speakerLimit(); }

  // The following are valid in Receiver::deliver() if the room has rules.
  const audibility::Hearers& hearers() const { return hearers_; }
  uint64_t version() const { return version_; }  // of the rules and the players' state
  // The selection of the rules. The reference stays valid as long as the room lives, and changes with
  // version().
  const audibility::Selection::Config& selection() const { return selection_; }

 private:
  const rooms::Room& room_;
  audibility::Hearers& hearers_;
  std::vector<Receiver*> receivers_;
  uint64_t version_ = 0;  // that selection_ is from
  audibility::Selection::Config selection_;
};

}  // namespace sluice::rtp_router
