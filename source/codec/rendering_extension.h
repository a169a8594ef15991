// An RTP header extension that tells a receiver's client how to render the voice of the packet's stream from
// this packet on. Eight bytes in network byte order:
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   |  attenuation  |   elevation   |            azimuth            |
//   |           low pass            |           distance            |
//
// attenuation: in steps of 0.5 dB; 255: a gain of 0. elevation: in degrees, signed. azimuth: in hundredths of
// a degree, signed. low pass: the cut-off frequency in Hz; 0: no filter. distance: the first two bytes of the
// IEEE 754 single-precision number, rounded.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "source/base/bytes.h"
#include "source/base/rendering.h"

namespace sluice::rtp {

constexpr size_t kRenderingSize = 8;

std::array<uint8_t, kRenderingSize> writeRendering(const Rendering& rendering);
// Returns nullopt if the element has another size, or a value that is out of range.
std::optional<Rendering> readRendering(Bytes data);

}  // namespace sluice::rtp
