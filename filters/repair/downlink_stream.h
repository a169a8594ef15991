// What a listener is sent on one slot: remembers it, sends it again when asked, and adds earlier frames as
// RED. Pure but for the packets that it changes.
#pragma once

#include "filters/repair/packet_history.h"
#include "source/codec/red.h"
#include "source/codec/rtp.h"
#include "source/rooms/player.h"

namespace sluice::repair {

class DownlinkStream {
 public:
  // Slot and state outlive the stream. `history`: packets, a power of two.
  DownlinkStream(const rooms::Slot& slot, rooms::SlotState& state, size_t history);

  static constexpr size_t kMaxRedundancy = 2;
  static constexpr size_t kRtxHeader = 2;  // RFC 4588 section 4

  // The last frames before a packet, oldest first, as RED blocks (RFC 2198); at most `wanted`, none when
  // nothing fits. Views into the history, good until remember().
  struct Redundancy {
    std::array<red::Block, kMaxRedundancy> blocks{};
    size_t count = 0;
    size_t size = 0;  // that it adds to the packet
    std::span<const red::Block> used() const { return {blocks.data(), count}; }
  };
  Redundancy redundancy(const rtp::Packet& rtp, size_t wanted);
  // Makes the packet RED. False when it would be too long; it is as it was then.
  bool addRedundancy(net::Packet& packet, const rtp::Packet& rtp, const Redundancy& redundancy) const;

  // `packet`, which `rtp` views, goes out now. `block` ends with the same payload. Null: it cannot be
  // remembered.
  SentPacket* remember(Bytes packet, const rtp::Packet& rtp, net::SharedPacket block, Instant now);

  // How many sequence numbers before this one were left out, since nothing had come for them; -1: this is one
  // of these. To be called for each packet in turn.
  int numbersBefore(uint16_t sequence);
  // The packet that was sent last, if it begins a pause: a DTX packet that follows no other one. Null: it
  // does not.
  SentPacket* pause();

  void resize(size_t history) { history_.resize(history); }
  // Lets go of what was first sent before.
  void forget(Instant before) { history_.forget(before); }
  bool empty() const { return history_.empty(); }

  SentPacket* find(uint16_t sequence) { return history_.find(sequence); }
  // Bytes of the packet as it is to be sent again.
  size_t resendSize(const SentPacket& sent) const {
    return size_t{sent.header_size} + sent.payload_size +
           (slot_.rtx_payload_type != 0 ? kRtxHeader : sent.red_size);
  }
  // Fills `out` with the packet as it is to be sent again: as RTX where negotiated, else as it was, since
  // nothing else may go under the same numbers. False: frames that went with it are gone.
  bool resend(const SentPacket& sent, net::Packet& out);

  const rooms::Slot& slot() const { return slot_; }

 private:
  const rooms::Slot& slot_;
  rooms::SlotState& state_;
  PacketHistory history_;
  bool started_ = false;
  uint16_t newest_ = 0;
};

}  // namespace sluice::repair
