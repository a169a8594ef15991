// The stream to a receiver on one slot: remembers its packets, retransmits them on request, and adds earlier
// frames as RED. Pure except for the packets that it changes.
#pragma once

#include "filters/repair/packet_history.h"
#include "source/codec/red.h"
#include "source/codec/rtp.h"
#include "source/rooms/player.h"

namespace sluice::repair {

class DownlinkStream {
 public:
  // `slot` and `numbers` must outlive the stream. `history`: packets, a power of two.
  DownlinkStream(const rooms::Slot& slot, rooms::SlotSequence& numbers, size_t history);

  static constexpr size_t kMaxRedundancy = 2;
  static constexpr size_t kRtxHeader = 2;  // RFC 4588 section 4

  // The last frames before a packet, oldest first, as RED blocks (RFC 2198); at most `wanted`, none if
  // nothing fits. Views into the history, valid until remember().
  struct Redundancy {
    std::array<red::Block, kMaxRedundancy> blocks{};
    size_t count = 0;
    size_t size = 0;  // bytes added to the packet
    std::span<const red::Block> used() const { return {blocks.data(), count}; }
  };
  Redundancy redundancy(const rtp::Packet& rtp, size_t wanted);
  // Makes the packet RED. False if it would be too long; the packet is then unchanged.
  bool addRedundancy(net::Packet& packet, const rtp::Packet& rtp, const Redundancy& redundancy) const;

  // Records that `packet`, which `rtp` views, is sent now. `block` ends with the same payload. Null: it
  // cannot be remembered.
  SentPacket* remember(Bytes packet, const rtp::Packet& rtp, net::SharedPacket block, Instant now);

  // The count of sequence numbers just before this one that were skipped because no packet had arrived; -1:
  // this packet fills such a gap. Call it for every packet, in the order of sending.
  int numbersBefore(uint16_t sequence);
  // The newest packet if it begins a pause: a DTX packet that follows no DTX packet. Null if it does not.
  SentPacket* pause();

  void resize(size_t history) { history_.resize(history); }
  // Releases packets first sent before `before`.
  void forget(Instant before) { history_.forget(before); }
  bool empty() const { return history_.empty(); }

  SentPacket* find(uint16_t sequence) { return history_.find(sequence); }
  // The size of the packet when retransmitted, in bytes.
  size_t resendSize(const SentPacket& sent) const {
    return size_t{sent.header_size} + sent.payload_size +
           (slot_.rtx_payload_type != 0 ? kRtxHeader : sent.red_size);
  }
  // Fills `out` with the retransmission: as RTX if negotiated, otherwise the original packet unchanged, since
  // no other packet may use the same sequence number. False: earlier frames that it carried are gone.
  bool resend(const SentPacket& sent, net::Packet& out);

  const rooms::Slot& slot() const { return slot_; }

 private:
  const rooms::Slot& slot_;
  rooms::SlotSequence& numbers_;
  PacketHistory history_;
  bool started_ = false;
  uint16_t newest_ = 0;
};

}  // namespace sluice::repair
