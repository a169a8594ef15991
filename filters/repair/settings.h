// The checked configuration of a repair filter.
#pragma once

#include "api/filters/repair.pb.h"
#include "source/base/result.h"
#include "source/chain/factory_context.h"
#include "source/media/nack_scheduler.h"
#include "source/rooms/player.h"

namespace sluice::repair {

using RedundancyMode = filters::Repair::Downlink::Redundancy;
using Preference = filters::Repair::Downlink::Preference;

struct Settings {
  struct Uplink {
    bool nack = false;
    bool red = false;
    media::NackScheduler::Config scheduler{};
    unsigned listener_loss_percentile = 0;
  } uplink;

  struct Downlink {
    bool nack = false;
    Duration budget{};
    unsigned max_resends = 0;
    RedundancyMode redundancy = filters::Repair::Downlink::ADAPTIVE;
    Preference prefer = filters::Repair::Downlink::BYTES;
    double max_overhead = 0;      // of retransmissions, as a share of the bytes of voice
    double max_red_overhead = 0;  // of RED, likewise
  } downlink;

  // The number of packets to keep for requests, a power of two: enough for the downlink budget in frames of
  // 10 ms.
  size_t history() const;

  rooms::RepairFeatures repairFeatures() const;
};

Result<Settings> readSettings(const filters::Repair& config, chain::FactoryContext& context);

}  // namespace sluice::repair
