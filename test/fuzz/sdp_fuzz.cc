#include <cstdint>
#include <cstdlib>

#include "source/base/bytes.h"
#include "source/sdp/answer.h"
#include "source/sdp/offer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice;
  const auto offer = sdp::parseOffer(asText(Bytes(data, size)));
  if (!offer.ok()) return 0;
  uint32_t ssrc = 0;
  const auto agreement = sdp::negotiate(*offer, {.ice = {"ufrag", "password"},
                                                 .fingerprint = {},
                                                 .candidates = {{"127.0.0.1", 3478}},
                                                 .cname = "cname",
                                                 .session_id = 1,
                                                 .next_ssrc = [&ssrc] { return ++ssrc; }});
  if (agreement.ok() && agreement->negotiated.slots.size() > sdp::kMaxSlots) std::abort();
  return 0;
}
