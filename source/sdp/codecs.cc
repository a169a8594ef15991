#include "source/sdp/codecs.h"

#include <algorithm>

#include "source/sdp/text.h"

namespace sluice::sdp {
namespace {

std::optional<uint8_t> parsePayloadType(std::string_view text) {
  unsigned type = 0;
  if (!parseNumber(text, type) || type > 127) return std::nullopt;
  return static_cast<uint8_t>(type);
}

}  // namespace

Codecs::Codec& Codecs::at(uint8_t payload_type) {
  const auto found = std::ranges::find(codecs_, payload_type, &Codec::payload_type);
  return found != codecs_.end() ? *found : codecs_.emplace_back(Codec{.payload_type = payload_type});
}

const Codecs::Codec* Codecs::find(uint8_t payload_type) const {
  const auto found = std::ranges::find(codecs_, payload_type, &Codec::payload_type);
  return found != codecs_.end() ? &*found : nullptr;
}

const char* Codecs::onRtpmap(std::string_view value, const std::vector<std::string>& formats) {
  const std::string_view format = take(value, ' ');
  const auto type = parsePayloadType(format);
  if (!type) return "the payload type must be 0 to 127";
  Name name = Name::kOther;
  if (equalsIgnoringCase(value, "opus/48000/2")) name = Name::kOpus;
  if (equalsIgnoringCase(value, "red/48000/2")) name = Name::kRed;
  if (equalsIgnoringCase(value, "rtx/48000") || equalsIgnoringCase(value, "rtx/48000/2")) name = Name::kRtx;
  const auto rank = std::ranges::find(formats, format);
  if (name == Name::kOther || rank == formats.end()) return nullptr;
  if (*type >= 64 && *type <= 95) {  // RFC 5761 section 4
    return name == Name::kOpus ? "the payload type collides with RTCP" : nullptr;
  }
  Codec& codec = at(*type);
  codec.name = name;
  codec.rank = static_cast<size_t>(rank - formats.begin());
  return nullptr;
}

// "63 111/111" of RED, "96 rtx-time=3000;apt=111" of RTX.
const char* Codecs::onFmtp(std::string_view value) {
  const auto type = parsePayloadType(take(value, ' '));
  if (!type) return nullptr;
  std::string_view red = value;
  if (const auto primary = parsePayloadType(take(red, '/'))) at(*type).carries = primary;
  while (!value.empty()) {  // parameters in any order (RFC 4588 section 8.1)
    std::string_view parameter = take(value, ';');
    while (parameter.starts_with(' ')) parameter.remove_prefix(1);
    if (!parameter.starts_with("apt=")) continue;
    at(*type).carries = parsePayloadType(parameter.substr(4));
  }
  return nullptr;
}

// "111 nack", "* goog-remb", "111 ccm tmmbr smaxpr=120" (RFC 5104 section 7.1); "111 nack pli" is something
// else.
const char* Codecs::onFeedback(std::string_view value) {
  const std::string_view format = take(value, ' ');
  const rooms::Feedback feedback{.nack = value == "nack",
                                 .remb = value == "goog-remb",
                                 .tmmbr = value == "ccm tmmbr" || value.starts_with("ccm tmmbr ")};
  if (feedback == rooms::Feedback{}) return nullptr;
  if (format == "*") for_all_ = for_all_ | feedback;
  if (const auto type = parsePayloadType(format)) at(*type).feedback = at(*type).feedback | feedback;
  return nullptr;
}

std::optional<uint8_t> Codecs::opus() const {
  const Codec* best = nullptr;
  for (const Codec& codec : codecs_) {
    if (codec.name == Name::kOpus && (best == nullptr || codec.rank < best->rank)) best = &codec;
  }
  if (best == nullptr) return std::nullopt;
  return best->payload_type;
}

uint8_t Codecs::carrier(Name name, uint8_t opus) const {
  for (const Codec& codec : codecs_) {
    if (codec.name == name && codec.carries == opus) return codec.payload_type;
  }
  return 0;
}

rooms::Feedback Codecs::feedback(uint8_t opus) const {
  const Codec* codec = find(opus);
  return codec == nullptr ? for_all_ : for_all_ | codec->feedback;
}

}  // namespace sluice::sdp
