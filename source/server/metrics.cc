#include "source/server/metrics.h"

#include <chrono>
#include <string>

#include "source/control/overload_watch.h"
#include "source/reload/config_applier.h"
#include "source/reload/rollout_controller.h"
#include "source/rooms/directory.h"
#include "source/runtime/worker.h"
#include "source/server/drain.h"
#include "source/server/http_endpoints.h"

namespace sluice::server {

void Metrics::collect(stats::Samples& out) const {
  context_.stats.collect(out);
  collectWorkers(out);
  collectRooms(out);
  context_.http.collect(out);
  context_.overload.collect(out);
  context_.rollouts.collect(out);
  collectFilterInfo(out);
  collectProcess(out);
}

void Metrics::collectProcess(stats::Samples& out) const {
  const auto uptime = std::chrono::duration<double>(context_.clock.now() - context_.started).count();
  out.gauge("sluice_uptime_seconds", "Time since the start.", {}, uptime);
  out.gauge("sluice_generation", "The number of the running configuration; a reload increments it.", {},
            static_cast<double>(context_.applier.running().version));
  out.gauge("sluice_draining", "1 while no new sessions are accepted.", {},
            context_.drain.isDraining() ? 1 : 0);
  out.gauge("sluice_sessions", "Sessions on all workers.", {},
            static_cast<double>(context_.workers.total_sessions.load(std::memory_order_relaxed)));
  out.counter("sluice_takeover_sessions_total", "Sessions of the previous process (--takeover), by result.",
              {{"result", "kept"}}, context_.takeover.kept);
  out.counter("sluice_takeover_sessions_total", "", {{"result", "ended"}}, context_.takeover.ended);
  out.counter("sluice_reloads_total", "Reloads, by result.", {{"result", "ok"}}, context_.applier.accepted());
  out.counter("sluice_reloads_total", "", {{"result", "refused"}}, context_.applier.refused());
}

void Metrics::collectWorkers(stats::Samples& out) const {
  for (const auto& worker : context_.workers.workers) {
    const std::string index = std::to_string(worker->index());
    const stats::Labels labels{{"worker", index}};
    out.counter("sluice_worker_busy_seconds_total", "Time that the worker did not spend waiting for events.",
                labels, std::chrono::duration<double>(worker->busy()).count());
    out.gauge("sluice_worker_busy_share",
              "Share of the last second that the worker did not spend waiting for events.", labels,
              worker->busyShare());
    out.counter("sluice_worker_pauses_total",
                "Pauses in which the worker let packets accumulate (workers.coalesce_us).", labels,
                worker->pauses());
    out.gauge("sluice_worker_packets_allocated", "Packet buffers that the worker has allocated so far.",
              labels, static_cast<double>(worker->packets().allocated()));
    out.counter("sluice_worker_packets_exhausted_total", "Times that the worker had no free packet buffer.",
                labels, worker->packets().exhausted());
    out.counter("sluice_worker_packets_unaccounted_total",
                "Packets that a filter lost without giving a reason: a bug in the filter.", labels,
                worker->packets().unaccounted());
    stats::HistogramSample adoption;
    adoption.add(worker->dispatcher().adoption());
    out.histogram("sluice_worker_adoption_seconds",
                  "Time from a reload until the last session of the worker adopted it.", labels, adoption);
    out.counter("sluice_worker_inside_lost_total",
                "Hairpin packets whose destination port no longer existed when they arrived.", labels,
                worker->hairpinLost());
    out.counter("sluice_worker_mail_lost_total",
                "Packets from another worker whose listener no longer existed when they arrived.", labels,
                worker->dispatcher().mailLost());
    out.counter("sluice_worker_mailbox_full_total",
                "Packets that could not be passed to another worker because its mailbox was full.", labels,
                worker->mailboxFull());
  }
}

void Metrics::collectFilterInfo(stats::Samples& out) const {
  for (const auto& listener : context_.applier.running().generation->listeners) {
    for (const auto& chain : listener->chains) {
      for (const auto& filter : chain->filters) {
        const chain::Description info = filter.factory->info();
        if (info.empty()) continue;
        stats::Labels labels{{"listener", listener->name}, {"chain", chain->name}, {"filter", filter.name}};
        if (!chain->version.empty()) labels.emplace_back("version", chain->version);
        for (const auto& [label, value] : info) labels.emplace_back(label, value);
        out.gauge("sluice_" + std::string(filter.type->name) + "_info",
                  "A filter's configuration in labels; always 1.", labels, 1);
      }
    }
  }
}

void Metrics::collectRooms(stats::Samples& out) const {
  size_t players = 0;
  size_t connected = 0;
  const auto rooms = context_.rooms.rooms();
  for (const auto& room : rooms) {
    players += room.players.size();
    for (const auto& player : room.players)
      connected += player->observed.connected.load(std::memory_order_relaxed);
  }
  out.gauge("sluice_rooms", "Rooms with at least one player.", {}, static_cast<double>(rooms.size()));
  out.counter("sluice_rooms_ssrc_conflicts_total",
              "Players whose SSRC another player in the room already used.", {},
              static_cast<double>(context_.rooms.ssrcConflicts()));
  out.gauge("sluice_players", "Players, by state.", {{"state", "joined"}}, static_cast<double>(players));
  out.gauge("sluice_players", "", {{"state", "connected"}}, static_cast<double>(connected));
}

}  // namespace sluice::server
