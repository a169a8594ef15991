// The parts of a process that the admin endpoint shows, with one worker. Nothing runs the event loop.
#pragma once

#include "source/control/overload_watch.h"
#include "source/reload/rollout_controller.h"
#include "source/server/drain.h"
#include "source/server/http_endpoints.h"
#include "source/server/metrics.h"
#include "test/control/fake_state_sink.h"
#include "test/control/no_evidence.h"
#include "test/reload/applier_fixture.h"
#include "test/server/fake_admin.h"
#include "test/support/worker_threads.h"

namespace sluice::server {

struct ServerParts : reload::ApplierFixture {
  ServerParts() {
    test::addWorkers(workers, 1);
    applier.addParticipant(rollouts);
  }
  ~ServerParts() { workers.stop(); }

  FakeBackend backend;
  FakeOperations operations;
  reload::RolloutController rollouts{applier, clock};
  Drain drain{clock, workers, [](std::optional<Duration>) {}};
  test::FakeStateSink sink;
  control::RoomStates room_states{rooms, clock, sink};
  control::EventLog room_events;
  test::NoEvidence evidence;
  control::History history{clock};
  HttpEndpoints http{{.loop = loop,
                      .clock = clock,
                      .rooms = rooms,
                      .certificate = {},
                      .backend = backend,
                      .operations = operations,
                      .room_states = room_states,
                      .room_events = room_events,
                      .evidence = evidence,
                      .history = history}};
  control::OverloadWatch overload{rooms, clock, room_events, [] { return std::vector<double>(); }};
  TakeoverCounts taken_over;
  const Instant started = clock.now();
  Metrics metrics{{.clock = clock,
                   .started = started,
                   .stats = stats,
                   .applier = applier,
                   .rollouts = rollouts,
                   .workers = workers,
                   .rooms = rooms,
                   .overload = overload,
                   .drain = drain,
                   .http = http,
                   .takeover = taken_over}};
};

}  // namespace sluice::server
