#include "source/control/decide.h"

#include <string>

#include "source/audibility/decider.h"
#include "source/audibility/room_state.h"

namespace sluice::control {

audibility::SnapshotPtr withoutRules(const std::vector<uint32_t>& players, Instant now) {
  audibility::RoomState everyone;
  for (const uint32_t number : players) static_cast<void>(everyone.add(number));
  return everyone.publish(now);
}

Decision decide(const audibility::SnapshotPtr& snapshot, uint32_t speaker, uint32_t receiver, Instant now) {
  const audibility::SnapshotPtr in = snapshot ? snapshot : withoutRules({speaker, receiver}, now);
  const audibility::Decision made =
      audibility::Decider(*in, in->find(speaker), now).decide(in->find(receiver));
  Decision out;
  out.set_audible(made.audible);
  out.set_reason(std::string(audibility::name(made.reason)));
  out.set_text(std::string(audibility::text(made.reason)));
  if (made.rule != audibility::kNoRule) out.set_rule(in->rules->describe(made.rule));
  out.set_gain(made.gain);
  out.set_low_pass_hz(made.low_pass_hz);
  out.set_distance(made.distance);
  out.set_margin(made.margin);
  if (snapshot) out.set_version(snapshot->version);
  return out;
}

}  // namespace sluice::control
