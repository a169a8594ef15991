#include "source/control/explanation.h"

#include <doctest/doctest.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "source/audibility/decision.h"

namespace sluice::control {
namespace {

constexpr uint32_t kSpeaker = 7;

// A pair in which the listener hears the speaker.
Evidence healthy() {
  const PlayerEvidence player{.sends = true,
                              .slots = 4,
                              .reached = true,
                              .connected = true,
                              .packets_in = 1000,
                              .since_rtp = 12ms,
                              .since_voice = 30ms,
                              .loss_out = 0.01,
                              .worker_busy = 0.2,
                              .session = SessionEvidence{.idle = 12ms}};
  Evidence evidence{.speaker = player, .listener = player, .speaker_number = kSpeaker};
  evidence.listener->on_slots = {3, kSpeaker};
  evidence.decision.emplace();
  evidence.decision->set_audible(true);
  evidence.decision->set_reason("in_range");
  return evidence;
}

TEST_CASE("explain: a pair without a fault is heard, and every step is listed with its evidence") {
  const Explanation explanation = explain(healthy());
  CHECK(explanation.heard());
  CHECK(explanation.cause() == "");
  CHECK(explanation.text() == "The speaker's packets are on their way to the listener.");
  std::vector<std::string> steps;
  for (const auto& step : explanation.steps()) {
    CHECK(step.ok());
    CHECK(step.evidence() != "");
    steps.push_back(step.step());
  }
  CHECK(steps == std::vector<std::string>{"speaker_joined", "listener_joined", "speaker_offer",
                                          "listener_offer", "speaker_ice", "speaker_dtls", "speaker_worker",
                                          "speaker_session", "listener_ice", "listener_dtls",
                                          "listener_worker", "listener_session", "rtp", "sound", "rules",
                                          "slot", "delivery", "line", "load"});
}

using Inject = std::function<void(Evidence&)>;
struct Cause {
  const char* cause;
  Inject inject;
};

Inject noRtpBecauseOf(const char* filter, const char* reason) {
  return [=](Evidence& e) {
    e.speaker->since_rtp.reset();
    e.speaker->session->drops = {{"rtp_router", "silence", 1ms}, {filter, reason, 100ms}};
  };
}

Inject deniedBy(audibility::Reason reason) {
  return [=](Evidence& e) {
    e.decision->set_audible(false);
    e.decision->set_reason(std::string(audibility::name(reason)));
    e.decision->set_text(std::string(audibility::text(reason)));
  };
}

std::vector<Cause> causes() {
  std::vector<Cause> all = {
      {"speaker_not_joined",
       [](Evidence& e) {
         e.speaker.reset();
         e.decision.reset();
       }},
      {"listener_not_joined",
       [](Evidence& e) {
         e.listener.reset();
         e.decision.reset();
       }},
      {"same_player", [](Evidence& e) { e.same_player = true; }},
      {"speaker_offers_no_voice", [](Evidence& e) { e.speaker->sends = false; }},
      {"listener_offers_no_slot", [](Evidence& e) { e.listener->slots = 0; }},
      {"speaker_not_reached", [](Evidence& e) { e.speaker->reached = false; }},
      {"listener_not_reached", [](Evidence& e) { e.listener->reached = false; }},
      {"speaker_not_connected", [](Evidence& e) { e.speaker->connected = false; }},
      {"listener_not_connected", [](Evidence& e) { e.listener->connected = false; }},
      {"worker_saturated", [](Evidence& e) { e.listener->worker_busy = 0.99; }},
      {"worker_not_responding",
       [](Evidence& e) {
         e.speaker->worker_replied = false;
         e.speaker->session.reset();
       }},
      {"speaker_session_ended", [](Evidence& e) { e.speaker->session.reset(); }},
      {"listener_session_ended", [](Evidence& e) { e.listener->session.reset(); }},
      {"speaker_lost", [](Evidence& e) { e.speaker->session->idle = 11s; }},
      {"listener_lost", [](Evidence& e) { e.listener->session->idle = 11s; }},
      {"speaker_sends_no_rtp", [](Evidence& e) { e.speaker->since_rtp.reset(); }},
      {"speaker_sends_no_rtp", [](Evidence& e) { e.speaker->since_rtp = 3s; }},
      {"speaker_address", noRtpBecauseOf("stun_turn", "not_authenticated")},
      {"speaker_fragments", noRtpBecauseOf("fragment", "incomplete")},
      {"speaker_fragments", noRtpBecauseOf("fragment", "inconsistent")},
      {"speaker_replayed", noRtpBecauseOf("dtls_srtp", "replayed")},
      {"speaker_srtp", noRtpBecauseOf("dtls_srtp", "auth_failed")},
      {"speaker_payload_type", noRtpBecauseOf("rtp_router", "unknown_payload_type")},
      {"speaker_ssrc", noRtpBecauseOf("rtp_router", "unknown_ssrc")},
      {"speaker_not_sending", noRtpBecauseOf("rtp_router", "not_sending")},
      {"speaker_malformed", noRtpBecauseOf("rtp_router", "malformed")},
      {"speaker_uplink_limit", noRtpBecauseOf("rtp_router", "uplink_limit")},
      {"speaker_stray", noRtpBecauseOf("rtp_router", "stray")},
      {"speaker_sends_no_rtp", noRtpBecauseOf("repair", "duplicate")},
      {"speaker_silent", [](Evidence& e) { e.speaker->since_voice = 4s; }},
      {"speaker_silent", [](Evidence& e) { e.speaker->since_voice.reset(); }},
      {"no_slot",
       [](Evidence& e) {
         e.listener->on_slots = {3, 4, 5, 6};
         e.others_on_slots = {"carl", "dora", "eve", "fay"};
       }},
      {"overload",
       [](Evidence& e) {
         e.listener->on_slots = {3};
         e.others_on_slots = {"carl"};
         e.listener->speaker_limit = 1;
       }},
      {"no_slot_yet", [](Evidence& e) { e.listener->on_slots.clear(); }},
      {"listener_pacer",
       [](Evidence& e) {
         e.listener->session->drops = {{"rtp_router", "silence", 1ms}, {"pacer", "queue_full", 50ms}};
       }},
      {"listener_numbers",
       [](Evidence& e) {
         e.listener->session->drops = {{"dtls_srtp", "number_used", 50ms}};
       }},
      {"listener_loss", [](Evidence& e) { e.listener->loss_out = 0.8; }},
  };
  for (int i = 0; i <= static_cast<int>(audibility::Reason::kNoRule); ++i) {
    const auto reason = static_cast<audibility::Reason>(i);
    if (!audibility::isAudible(reason)) all.push_back({audibility::name(reason).data(), deniedBy(reason)});
  }
  return all;
}

TEST_CASE("explain: each cause of silence is named, with a sentence, advice and its evidence") {
  std::set<std::string> named;
  for (const Cause& cause : causes()) {
    CAPTURE(cause.cause);
    Evidence evidence = healthy();
    cause.inject(evidence);
    const Explanation explanation = explain(evidence);
    CHECK(!explanation.heard());
    CHECK(explanation.cause() == cause.cause);
    CHECK(explanation.text().ends_with("."));
    CHECK(explanation.advice().ends_with("."));
    const auto failed =
        std::ranges::find_if(explanation.steps(), [](const auto& step) { return !step.ok(); });
    REQUIRE(failed != explanation.steps().end());
    CHECK(failed->evidence() != "");
    named.insert(cause.cause);
  }
  CHECK(named.size() > 40);
}

// The cause that comes first on the path explains the others.
TEST_CASE("explain: of two causes, the first one on the path is named") {
  const std::vector<Cause> all = causes();
  const auto stepOf = [](const Explanation& explanation) {
    for (int i = 0; i < explanation.steps_size(); ++i) {
      if (!explanation.steps(i).ok()) return explanation.steps(i).step();
    }
    return std::string();
  };
  std::vector<std::string> order;
  const Explanation all_steps = explain(healthy());
  for (const auto& step : all_steps.steps()) order.push_back(step.step());
  order.insert(order.begin() + 2, "pair");
  const auto place = [&](const std::string& step) { return std::ranges::find(order, step) - order.begin(); };
  for (const Cause& one : all) {
    for (const Cause& other : all) {
      Evidence alone = healthy(), both = healthy();
      one.inject(alone);
      const std::string step = stepOf(explain(alone));
      Evidence second = healthy();
      other.inject(second);
      const std::string other_step = stepOf(explain(second));
      if (place(step) >= place(other_step)) continue;
      // What the first one hides cannot be injected any more.
      if (step.ends_with("_joined") || other_step.ends_with("_joined") || step.ends_with("_session") ||
          step.ends_with("_worker")) {
        continue;
      }
      one.inject(both);
      if (!both.speaker->session || !both.listener->session) continue;
      other.inject(both);
      CAPTURE(one.cause);
      CAPTURE(other.cause);
      CHECK(explain(both).cause() == one.cause);
    }
  }
}

TEST_CASE("explain: old drops and those of the other direction are no causes") {
  Evidence evidence = healthy();
  evidence.listener->session->drops = {{"pacer", "queue_full", 10s},
                                       {"rtp_router", "no_slot", 1ms},
                                       {"dtls_srtp", "auth_failed", 1ms},
                                       {"repair", "duplicate", 1ms}};
  CHECK(explain(evidence).heard());
  evidence.speaker->session->drops = {{"dtls_srtp", "auth_failed", 1ms}};  // but its voice arrives
  CHECK(explain(evidence).heard());
  evidence.speaker->since_rtp.reset();
  evidence.speaker->session->drops = {{"dtls_srtp", "auth_failed", 3s}, {"pacer", "queue_full", 1ms}};
  CHECK(explain(evidence).cause() == "speaker_sends_no_rtp");
}

TEST_CASE("explain: the evidence names those who have the slots, and by how much a rule missed") {
  Evidence evidence = healthy();
  evidence.listener->on_slots = {3};
  evidence.others_on_slots = {"carl", "dora"};
  const Explanation explanation = explain(evidence);
  CHECK(explanation.steps(explanation.steps_size() - 4).evidence() ==
        "the listener's 4 slots have: carl, dora");
  evidence = healthy();
  evidence.decision->set_audible(false);
  evidence.decision->set_reason("out_of_range");
  evidence.decision->set_rule("nearby");
  evidence.decision->set_margin(-2.5);
  const Explanation missed = explain(evidence);
  for (const auto& step : missed.steps()) {
    if (step.step() == "rules") CHECK(step.evidence() == "out_of_range, nearby, -2.5 world units of margin");
  }
}

}  // namespace
}  // namespace sluice::control
