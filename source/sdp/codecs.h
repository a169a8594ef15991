// The codecs of a media section that voice uses: Opus (RFC 7587), RED (RFC 2198) and RTX (RFC 4588) over it,
// and the RTCP feedback that it supports (RFC 4585).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/rooms/negotiated.h"

namespace sluice::sdp {

class Codecs {
 public:
  // Take the values of a=rtpmap, a=fmtp and a=rtcp-fb. Return what is wrong with them, or null.
  const char* onRtpmap(std::string_view value, const std::vector<std::string>& formats);
  const char* onFmtp(std::string_view value);
  const char* onFeedback(std::string_view value);

  // The preferred Opus payload type: the first among the media section's formats.
  std::optional<uint8_t> opus() const;
  // The RED or RTX payload type that carries this one; 0: none.
  uint8_t red(uint8_t opus) const { return carrier(Name::kRed, opus); }
  uint8_t rtx(uint8_t opus) const { return carrier(Name::kRtx, opus); }
  rooms::Feedback feedback(uint8_t opus) const;

 private:
  enum class Name { kOther, kOpus, kRed, kRtx };
  struct Codec {
    uint8_t payload_type;
    Name name = Name::kOther;
    size_t rank = 0;                   // among the formats
    std::optional<uint8_t> carries{};  // of RED and RTX
    rooms::Feedback feedback{};
  };
  Codec& at(uint8_t payload_type);
  const Codec* find(uint8_t payload_type) const;
  uint8_t carrier(Name name, uint8_t opus) const;

  std::vector<Codec> codecs_;
  rooms::Feedback for_all_{};
};

}  // namespace sluice::sdp
