#include "filters/builtin.h"

#include "filters/adaptation/adaptation.h"
#include "filters/dtls_srtp/dtls_srtp.h"
#include "filters/forward/forward.h"
#include "filters/fragment/fragment.h"
#include "filters/impair/impair.h"
#include "filters/marker/marker.h"
#include "filters/module/module.h"
#include "filters/opus/opus.h"
#include "filters/pacer/pacer.h"
#include "filters/position_feed/position_feed.h"
#include "filters/repair/repair.h"
#include "filters/rtp_router/rtp_router.h"
#include "filters/stun_turn/stun_turn.h"

namespace sluice {

chain::Registry builtinFilters() {
  chain::Registry registry;
  registry.add(adaptation::filterType());
  registry.add(dtls_srtp::filterType());
  registry.add(forward::filterType());
  registry.add(fragment::filterType());
  registry.add(impair::filterType());
  registry.add(marker::filterType());
  registry.add(module::filterType());
  registry.add(opus_filter::filterType());
  registry.add(pacer::filterType());
  registry.add(position_feed::filterType());
  registry.add(repair::filterType());
  registry.add(rtp_router::filterType());
  registry.add(stun_turn::filterType());
  return registry;
}

}  // namespace sluice
