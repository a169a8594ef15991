// Opus packets that carry a stamp in their padding (RFC 6716 section 3.2.5): decoders ignore it, the load
// generator checks it.
//
//   | TOC, code 3 | 1 frame, padded | padding size | frame ... | stamp |
#pragma once

#include <cstdint>
#include <optional>

#include "source/base/bytes.h"
#include "source/base/clock.h"

namespace sluice::load {

struct Stamp {
  uint32_t speaker = 0;   // Player::index()
  uint32_t sequence = 0;  // within the counted phase, from 0
  Instant sent{};
  bool counted = false;
};

constexpr size_t kStampSize = 25;  // magic, speaker, sequence, time, counted, CRC-32
constexpr size_t kStampOverhead = kStampSize + 2;

// Writes `opus` (a code 0 packet: TOC and one frame) with `stamp` to `out`; returns the size, or nothing if
// it does not fit or `opus` has another form.
std::optional<size_t> stamp(Bytes opus, const Stamp& stamp, MutableBytes out);

// Nothing if the packet has no stamp, or if any byte of the stamp or the frame has changed.
std::optional<Stamp> readStamp(Bytes payload);

}  // namespace sluice::load
