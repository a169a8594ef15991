#include "source/control/inspection.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "source/control/explanation.h"
#include "source/control/responses.h"

namespace sluice::control {

http::Response Inspection::matrix(std::string_view room) const {
  const auto matrix = states_.matrix(room);
  return matrix ? json(*matrix) : refusal(matrix.errors());
}

void Inspection::nameOthersOnSlots(Evidence& evidence, std::string_view room) const {
  if (!evidence.listener || !evidence.listener->session) return;
  const auto& on_slots = evidence.listener->on_slots;
  for (const rooms::PlayerPtr& player : directory_.players(room)) {
    const bool other = player->number != evidence.speaker_number;
    if (other && std::ranges::find(on_slots, player->number) != on_slots.end()) {
      evidence.others_on_slots.push_back(player->id);
    }
  }
}

http::Response Inspection::explain(std::string_view room, const http::Request& request) const {
  const std::string_view speaker = request.queryParameter("speaker"),
                         listener = request.queryParameter("listener");
  if (listener.empty()) return http::error(400, "is required", "listener");
  if (speaker.empty()) return http::error(400, "is required", "speaker");
  if (const std::string_view at = request.queryParameter("at"); !at.empty()) {
    return explainPast(at, room, speaker, listener);
  }
  Evidence evidence = evidence_.collect(directory_.find(room, speaker), directory_.find(room, listener));
  evidence.same_player = speaker == listener;
  nameOthersOnSlots(evidence, room);
  if (auto decision = states_.decide(room, listener, speaker)) evidence.decision = *std::move(decision);
  return json(control::explain(evidence));
}

http::Response Inspection::explainPast(std::string_view at, std::string_view room, std::string_view speaker,
                                       std::string_view listener) const {
  double seconds = 0;
  const auto parsed = std::from_chars(at.data(), at.data() + at.size(), seconds);
  if (parsed.ec != std::errc() || parsed.ptr != at.data() + at.size()) {
    return http::error(400, "must be seconds since 1970, or with a minus sign seconds before now", "at");
  }
  const auto past = history_.find(seconds, room, speaker, listener);
  if (!past) return http::error(400, past.error().message, past.error().path);
  Explanation explanation = control::explain(past->evidence);
  explanation.set_at(past->at);
  return json(explanation);
}

}  // namespace sluice::control
