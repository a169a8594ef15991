// The packets that a listener was sent last on one stream, so that they can be sent again. Payloads are not
// copied: the blocks that they came in are held. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "source/base/clock.h"
#include "source/net/packet.h"

namespace sluice::repair {

struct SentPacket {
  static constexpr size_t kMaxHeader = 32;

  net::SharedPacket block;  // null: nothing is here. Its data ends with the payload
  std::array<uint8_t, kMaxHeader> header;
  uint8_t header_size = 0;
  uint16_t sequence = 0;
  uint16_t payload_size = 0;  // RTP padding included
  uint16_t primary_size = 0;  // the Opus packet at the payload's end; 0 when padding follows it
  uint32_t timestamp = 0;
  bool as_red = false;  // earlier frames went with it
  uint8_t resends = 0;
  Instant at{};    // first sent
  Instant last{};  // last sent

  Bytes headerBytes() const { return {header.data(), header_size}; }
  Bytes payload() const { return block->data().last(payload_size); }
  Bytes primary() const { return block->data().last(primary_size); }
};

class PacketHistory {
 public:
  // `packets`: a power of two.
  explicit PacketHistory(size_t packets) : ring_(packets) {}

  // The place for a packet that is sent now; what was there is gone.
  SentPacket& add(uint16_t sequence) {
    SentPacket& sent = ring_[sequence & (ring_.size() - 1)];
    sent = {};
    sent.sequence = sequence;
    return sent;
  }
  // Null when it was never sent or is gone.
  SentPacket* find(uint16_t sequence) {
    SentPacket& sent = ring_[sequence & (ring_.size() - 1)];
    return sent.block && sent.sequence == sequence ? &sent : nullptr;
  }
  void clear() {
    for (SentPacket& sent : ring_) sent.block.reset();
  }

 private:
  std::vector<SentPacket> ring_;
};

}  // namespace sluice::repair
