#include "filters/module/host.h"

#include <algorithm>

#include "filters/module/module_filter.h"
#include "filters/module/statistics.h"
#include "source/base/log.h"

namespace sluice::module {
namespace {

static_assert(SLUICE_STUN == static_cast<int>(PacketKind::kStun) &&
              SLUICE_TURN == static_cast<int>(PacketKind::kTurn) &&
              SLUICE_TURN_CHANNEL == static_cast<int>(PacketKind::kTurnChannel) &&
              SLUICE_DTLS == static_cast<int>(PacketKind::kDtls) &&
              SLUICE_RTP == static_cast<int>(PacketKind::kRtp) &&
              SLUICE_RTCP == static_cast<int>(PacketKind::kRtcp) &&
              SLUICE_OTHER == static_cast<int>(PacketKind::kOther));

Module& moduleOf(sluice_session* session) {
  return *reinterpret_cast<Module*>(session);
}
Module& moduleOf(const sluice_session* session) {
  return *reinterpret_cast<Module*>(const_cast<sluice_session*>(session));
}

uint64_t nowNs(const sluice_session* session) {
  return static_cast<uint64_t>(moduleOf(session).context().now().time_since_epoch().count());
}

uint64_t sessionId(const sluice_session* session) {
  return moduleOf(session).context().session().id();
}

size_t remote(const sluice_session* session, char* text, size_t capacity) {
  const std::string address = moduleOf(session).context().session().remote().toString();
  if (address.size() >= capacity) return 0;
  *std::copy(address.begin(), address.end(), text) = 0;
  return address.size();
}

void count(sluice_session* session, uint32_t counter, uint64_t n) {
  auto& counters = moduleOf(session).context().stats().counters;
  const size_t index = kSchema.counters.specs().size() + counter;
  if (index < counters.size()) counters[index].add(n);
}

void record(sluice_session* session, uint32_t histogram, uint64_t ns) {
  auto& histograms = moduleOf(session).context().stats().histograms;
  if (histogram < histograms.size()) histograms[histogram].record(std::chrono::nanoseconds{ns});
}

void arm(sluice_session* session, uint64_t at_ns) {
  Module& module = moduleOf(session);
  if (at_ns > static_cast<uint64_t>(Instant::max().time_since_epoch().count())) return module.disarm();
  module.arm(Instant(std::chrono::nanoseconds{at_ns}));
}

int send(sluice_session* session, sluice_direction direction, sluice_kind kind, const uint8_t* data,
         size_t size) {
  const bool known = (direction == SLUICE_INGRESS || direction == SLUICE_EGRESS) && kind >= SLUICE_STUN &&
                     kind <= SLUICE_OTHER;
  return known && moduleOf(session).send(direction, static_cast<PacketKind>(kind), {data, size}) ? 0 : -1;
}

void write(sluice_level level, const char* text) {
  switch (level) {
    case SLUICE_DEBUG:
      return log::debug("module: {}", text);
    case SLUICE_INFO:
      return log::info("module: {}", text);
    case SLUICE_WARN:
      return log::warn("module: {}", text);
    default:
      return log::error("module: {}", text);
  }
}

}  // namespace

const sluice_host_api& hostApi() {
  static constexpr sluice_host_api kHost{.abi = SLUICE_FILTER_ABI,
                                         .size = sizeof(sluice_host_api),
                                         .now_ns = nowNs,
                                         .session_id = sessionId,
                                         .remote = remote,
                                         .count = count,
                                         .record = record,
                                         .arm = arm,
                                         .send = send,
                                         .log = write};
  return kHost;
}

}  // namespace sluice::module
