// Any offer is refused or answered; an answer is well-formed and has the offer's media sections.
#include <cstdlib>
#include <string_view>

#include "source/base/bytes.h"
#include "source/sdp/answer.h"
#include "source/sdp/offer.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

// Every line is <type>=<value>, printable, and ends in CRLF.
size_t countMediaLines(std::string_view text) {
  size_t count = 0;
  while (!text.empty()) {
    const size_t end = text.find("\r\n");
    require(end != text.npos && end >= 2 && text[1] == '=');
    for (const char c : text.substr(0, end)) require(c >= ' ' && c < 0x7f);
    count += text[0] == 'm';
    text.remove_prefix(end + 2);
  }
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice;
  const auto offer = sdp::parseOffer(asText({data, size}));
  if (!offer) {
    require(!offer.error().message.empty());
    return 0;
  }
  sdp::Local local;
  local.ice = {"locUFRAG", "localPasswordOf24Letters"};
  local.candidates = {{"127.0.0.1", 3478}};
  local.cname = "sluice";
  local.next_ssrc = [next = 0u]() mutable { return ++next; };
  const auto agreement = sdp::negotiate(*offer, local);
  if (!agreement) {
    require(!agreement.error().message.empty());
    return 0;
  }
  require(countMediaLines(agreement->answer) == offer->media.size());
  require(agreement->negotiated.slots.size() <= sdp::kMaxSlots);
  require(agreement->negotiated.sending || !agreement->negotiated.slots.empty());
  return 0;
}
