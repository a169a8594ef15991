// The last packets that a receiver was sent on one stream, kept for retransmission. Payloads are not copied:
// the buffers in which they arrived are held. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "source/base/clock.h"
#include "source/net/packet.h"

namespace sluice::repair {

struct SentPacket {
  static constexpr size_t kMaxHeader = 32;

  net::SharedPacket block;  // null: empty entry. Its data ends with the payload
  std::array<uint8_t, kMaxHeader> header;
  uint8_t header_size = 0;
  uint16_t sequence = 0;
  uint16_t payload_size = 0;  // RTP padding included
  uint16_t primary_size = 0;  // the Opus packet at the payload's end; 0 when padding follows it
  uint32_t timestamp = 0;
  uint8_t red_blocks = 0;  // earlier frames sent with it
  uint16_t red_size = 0;   // bytes that they added
  bool missed = false;     // the receiver has requested it, and it is counted as lost
  uint8_t resends = 0;
  Instant at{};    // first sent
  Instant last{};  // last sent

  void noteRed(size_t blocks, size_t size) {
    red_blocks = static_cast<uint8_t>(blocks);
    red_size = static_cast<uint16_t>(size);
  }
  Bytes headerBytes() const { return {header.data(), header_size}; }
  Bytes payload() const { return block->data().last(payload_size); }
  Bytes primary() const { return block->data().last(primary_size); }
};

class PacketHistory {
 public:
  // `packets`: a power of two.
  explicit PacketHistory(size_t packets) : ring_(packets) {}

  // The entry for a packet that is sent now; its previous content is discarded.
  SentPacket& add(uint16_t sequence);
  // Null if it was never sent or is no longer held.
  SentPacket* find(uint16_t sequence) {
    SentPacket& sent = at(sequence);
    return sent.block && sent.sequence == sequence ? &sent : nullptr;
  }
  // Keeps the newest packets that fit.
  void resize(size_t packets);
  // Releases packets first sent before `before`. Takes time in proportion to their number.
  void forget(Instant before);
  bool empty() const { return span_ == 0; }

 private:
  SentPacket& at(uint16_t sequence) { return ring_[sequence & (ring_.size() - 1)]; }
  void clear();

  std::vector<SentPacket> ring_;
  uint16_t oldest_ = 0;  // held packets lie in [oldest_, oldest_ + span_)
  size_t span_ = 0;
};

}  // namespace sluice::repair
