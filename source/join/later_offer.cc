#include "source/join/later_offer.h"

#include <deque>
#include <utility>

namespace sluice::join {
namespace {

// Returns the SSRCs of the player's slots, in the order in which negotiate() requests them, then new ones.
std::function<uint32_t()> sameSsrcs(const rooms::Negotiated& negotiated, std::function<uint32_t()> fresh) {
  std::deque<uint32_t> ssrcs;
  for (const rooms::Slot& slot : negotiated.slots) {
    ssrcs.push_back(slot.ssrc);
    if (slot.rtx_ssrc != 0) ssrcs.push_back(slot.rtx_ssrc);
  }
  return [ssrcs = std::move(ssrcs), fresh = std::move(fresh)]() mutable {
    if (ssrcs.empty()) return fresh();
    const uint32_t ssrc = ssrcs.front();
    ssrcs.pop_front();
    return ssrc;
  };
}

}  // namespace

std::optional<LaterAnswer> answerLaterOffer(const rooms::Player& player, const sdp::Offer& offer,
                                            sdp::Local fresh) {
  const rooms::Signalled& signalled = player.signalled;
  sdp::Local local = fresh;
  local.cname = player.negotiated.cname;
  local.session_id = signalled.answer_id;
  local.session_version = signalled.answer_version + 1;
  const auto answer = [&](const rooms::IceCredentials& ice) {
    local.ice = ice;
    local.next_ssrc = sameSsrcs(player.negotiated, fresh.next_ssrc);
    return sdp::negotiate(offer, local);
  };
  auto agreement = answer(fresh.ice);
  if (!agreement || !agreement->origin.follows(signalled.origin) ||
      !agreement->negotiated.isSameButIce(player.negotiated)) {
    return std::nullopt;
  }
  const rooms::IceCredentials& remote = agreement->negotiated.remote;
  if (remote == signalled.remote) return LaterAnswer{*answer(signalled.local.back()), false};
  // RFC 8839 section 4.4.1.1.1: a restart changes both.
  if (remote.ufrag == signalled.remote.ufrag || remote.password == signalled.remote.password) {
    return std::nullopt;
  }
  return LaterAnswer{*std::move(agreement), true};
}

}  // namespace sluice::join
