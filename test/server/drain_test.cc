#include "source/server/drain.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "source/runtime/worker_port.h"
#include "test/support/worker_threads.h"

namespace sluice::server {
namespace {

using runtime::ListenerDrop;

// True if the worker drops the datagram of a new client with this reason.
bool drops(runtime::WorkerThread& worker, ListenerDrop reason) {
  runtime::ListenerStats stats;
  test::runOn(worker, [&] {
    runtime::WorkerPort port(7, std::make_shared<runtime::ListenerSpec>(), &stats, worker.dispatcher());
    net::PacketPtr packet = worker.pool().acquire();
    packet->assign(std::vector<uint8_t>{1});
    packet->remote = *net::Address::parse("192.0.2.1:5000");
    packet->local = *net::Address::parse("198.51.100.1:3478");
    port.onPacket(std::move(packet));
  });
  return stats.drops[static_cast<size_t>(reason)].value() == 1;
}

struct Fixture {
  Fixture() { test::addWorkers(workers, 2); }
  bool allDrop(ListenerDrop reason) {
    return std::ranges::all_of(workers.workers, [&](auto& worker) { return drops(*worker, reason); });
  }

  ManualClock clock;
  runtime::WorkerGroup workers;
  std::vector<std::optional<Duration>> announced;
  Drain drain{clock, workers, [this](std::optional<Duration> limit) { announced.push_back(limit); }};
};

TEST_CASE("Drain: a process that does not drain accepts sessions and does not end") {
  Fixture f;
  CHECK_FALSE(f.drain.isDraining());
  CHECK_FALSE(f.drain.isEnding());
  CHECK_FALSE(f.drain.isOver());
  CHECK(f.allDrop(ListenerDrop::kNoChain));
  CHECK(f.announced.empty());
}

TEST_CASE("Drain: begin() stops new sessions on every worker, and the process continues without a limit") {
  Fixture f;
  f.drain.begin();
  CHECK(f.drain.isDraining());
  CHECK_FALSE(f.drain.isEnding());
  CHECK(f.allDrop(ListenerDrop::kDraining));
  CHECK(f.announced == std::vector<std::optional<Duration>>{std::nullopt});
  f.clock.advance(1000h);
  CHECK_FALSE(f.drain.isOver());
}

TEST_CASE("Drain: beginEnd() ends the process when the last session has ended") {
  Fixture f;
  f.workers.total_sessions = 1;
  f.drain.beginEnd(30s);
  CHECK(f.drain.isDraining());
  CHECK(f.drain.isEnding());
  CHECK(f.allDrop(ListenerDrop::kDraining));
  CHECK(f.announced == std::vector<std::optional<Duration>>{30s});
  CHECK_FALSE(f.drain.isOver());
  f.workers.total_sessions = 0;
  CHECK(f.drain.isOver());
}

TEST_CASE("Drain: beginEnd() ends the process after the timeout although sessions remain") {
  Fixture f;
  f.workers.total_sessions = 1;
  f.drain.beginEnd(30s);
  f.clock.advance(30s - 1ns);
  CHECK_FALSE(f.drain.isOver());
  f.clock.advance(1ns);
  CHECK(f.drain.isOver());
}

TEST_CASE("Drain: beginEnd() during a drain without a limit announces the limit") {
  Fixture f;
  f.workers.total_sessions = 1;
  f.drain.begin();
  f.clock.advance(1h);
  f.drain.beginEnd(5s);
  CHECK(f.announced == std::vector<std::optional<Duration>>{std::nullopt, 5s});
  CHECK_FALSE(f.drain.isOver());
  f.clock.advance(5s);
  CHECK(f.drain.isOver());
}

}  // namespace
}  // namespace sluice::server
