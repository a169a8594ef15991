#include "source/control/explanation.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::control {
namespace {

constexpr Duration kLost = 10s;      // clients check for consent every 4 to 6 s (RFC 7675 section 5.1)
constexpr Duration kNoRtp = 1s;      // a pause with DTX has a packet every 400 ms
constexpr double kHeavyLoss = 0.5;   // of the packets to the listener
constexpr double kSaturated = 0.95;  // of the worker's time

std::string number(double value, const char* unit) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f %s", value, unit);
  return text.data();
}

std::string ago(Duration duration) {
  const double s = std::chrono::duration<double>(duration).count();
  return (s < 1 ? number(1000 * s, "ms") : number(s, "s")) + " ago";
}

std::string describe(const Drop& drop) {
  const std::string by = drop.filter_type.empty() ? "the server's address" : drop.filter_type;
  return by + " dropped a packet " + ago(drop.ago) + ": " + drop.reason;
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

// A drop that explains why packets do not arrive. An empty reason matches any.
struct DropCause {
  std::string_view filter_type, reason, cause, text, advice;
  constexpr bool matches(std::string_view by, std::string_view why) const {
    return by == filter_type && (reason.empty() || why == reason);
  }
};
constexpr DropCause kSpeakerDrops[] = {
    {"stun_turn", "not_authenticated", "speaker_address",
     "The speaker's packets come from an address that no ICE check has authenticated.",
     "The client must send from the address pair that ICE selected, and repeat its checks there."},
    {"fragment", "incomplete", "speaker_fragments", "Fragments of the speaker's packets are missing.",
     "The line loses packets; smaller packets need no fragments."},
    {"fragment", "inconsistent", "speaker_fragments",
     "Fragments of the speaker's packets do not fit together.",
     "The client must number its packets and their fragments as the filter's documentation says."},
    {"dtls_srtp", "auth_failed", "speaker_srtp", "The speaker's packets cannot be decrypted.",
     "The client must use the keys of its own DTLS handshake with this server; join again with a new "
     "connection."},
    {"dtls_srtp", "replayed", "speaker_replayed",
     "The speaker's packets repeat the SRTP indices of earlier ones.",
     "The client must not use a sequence number twice; a client that restarts must join again."},
    {"rtp_router", "unknown_payload_type", "speaker_payload_type",
     "The speaker's packets have a payload type that was not negotiated.",
     "The client must send the Opus payload type of the answer."},
    {"rtp_router", "unknown_ssrc", "speaker_ssrc",
     "The speaker's packets have an SSRC that was not negotiated.",
     "The client must send with the SSRC of its offer, or with the mid header extension."},
    {"rtp_router", "not_sending", "speaker_not_sending", "The speaker sends, but its offer does not.",
     "The client must offer a media section that is sendrecv or sendonly."},
    {"rtp_router", "malformed", "speaker_malformed", "The speaker's packets are not valid RTP.",
     "The client must send RTP packets (RFC 3550) with an Opus payload."},
    {"rtp_router", "uplink_limit", "speaker_uplink_limit", "The speaker sends more than rtp_router allows.",
     "Lower the client's bit rate, or raise the limit of rtp_router."},
    {"rtp_router", "stray", "speaker_stray", "The speaker's sequence numbers jump.",
     "The client must number its packets in sequence."},
};
// Reasons that occur only on the way to a client.
constexpr DropCause kListenerDrops[] = {
    {"pacer", "", "listener_pacer", "The pacer drops packets to the listener.",
     "The listener's line is slower than its voice, or the rate of the pacer is too low."},
    {"dtls_srtp", "number_used", "listener_numbers", "Packets to the listener repeat sequence numbers.",
     "A filter between dtls_srtp and rtp_router assigns sequence numbers incorrectly."},
};

// The first row that a recent drop matches, and that drop.
struct MatchedDrop {
  const DropCause* cause = nullptr;
  const Drop* drop = nullptr;
};
MatchedDrop match(std::span<const DropCause> causes, const std::vector<Drop>& drops) {
  for (const DropCause& cause : causes) {
    for (const Drop& drop : drops) {
      if (drop.ago < kRecentDrop && cause.matches(drop.filter_type, drop.reason)) return {&cause, &drop};
    }
  }
  return {};
}

std::string_view adviceFor(std::string_view reason) {
  if (reason == "muted")
    return "Update the speaker with mute { muted: false }, or wait for the end of the mute.";
  if (reason == "deafened") return "Update the listener with deafened: false.";
  if (reason == "blocked") return "Update the blocks of the player who blocks.";
  if (reason == "forced_off") return "Clear the pair's override, or wait for its end.";
  if (reason == "other_world") return "Update the players with the same world, if they are in the same one.";
  if (reason == "out_of_range" || reason == "beyond_receive_range") {
    return "Compare the positions in the game with those that it has sent here.";
  }
  return "Compare the players' team, mode, tags and channels with the room's rules.";
}

class Walk {
 public:
  explicit Walk(Explanation& out) : out_(out) {}

  // The first step that is not ok is the cause.
  void step(std::string_view name, bool ok, std::string_view evidence, std::string_view cause,
            std::string_view text, std::string_view advice) {
    Explanation::Step& step = *out_.add_steps();
    step.set_step(std::string(name));
    step.set_ok(ok);
    step.set_evidence(std::string(evidence));
    if (ok || !out_.cause().empty()) return;
    out_.set_cause(std::string(cause));
    out_.set_text(std::string(text));
    out_.set_advice(std::string(advice));
  }

 private:
  Explanation& out_;
};

// The steps that are the same for both players. `who` is "speaker" or "listener".
void walkConnection(Walk& walk, const std::string& who, const PlayerEvidence& player) {
  walk.step(
      who + "_ice", player.reached,
      player.reached ? "the client's address is authenticated"
                     : "no packet with the credentials of the answer has arrived",
      who + "_not_reached", "No authenticated packet of the " + who + "'s client has arrived.",
      "Check that UDP to the candidates of the answer is open; clients behind strict firewalls need TURN.");
  if (!player.reached) return;
  walk.step(who + "_dtls", player.connected,
            player.connected ? "the handshake is done" : "the handshake is not done", who + "_not_connected",
            "The DTLS handshake of the " + who + " is not done.",
            "The client must use the fingerprint and the setup role of the answer, and the certificate of "
            "its offer.");
  if (!player.connected) return;
  walk.step(
      who + "_worker", player.worker_replied,
      player.worker_replied ? number(100 * player.worker_busy, "% busy") : "it did not reply within 1 ms",
      "worker_not_responding", "The worker of the " + who + "'s session is overloaded or does not run.",
      "Ask again; if it persists, raise workers.count or move rooms to another server.");
  if (!player.worker_replied) return;
  if (!player.session) {
    walk.step(who + "_session", false, "its worker has no session of the player", who + "_session_ended",
              "The session of the " + who + " has ended.", "The client must join again.");
    return;
  }
  const Duration idle = player.session->idle;
  walk.step(who + "_session", idle < kLost, "the client's last packet arrived " + ago(idle), who + "_lost",
            "The connection to the " + who + "'s client is lost.", "Check the client's network.");
}

void walkVoice(Walk& walk, const PlayerEvidence& speaker) {
  const bool has_rtp = speaker.since_rtp && *speaker.since_rtp < kNoRtp;
  std::string evidence = speaker.since_rtp ? "the last of " + std::to_string(speaker.packets_in) +
                                                 " RTP packets arrived " + ago(*speaker.since_rtp)
                                           : "no RTP packet was accepted";
  std::string_view cause = "speaker_sends_no_rtp", text = "The speaker's client sends no voice.",
                   advice = "Check that the microphone's track is live, enabled and attached to the sender.";
  const MatchedDrop matched =
      !has_rtp && speaker.session ? match(kSpeakerDrops, speaker.session->drops) : MatchedDrop{};
  if (matched.cause != nullptr) {
    evidence += "; " + describe(*matched.drop);
    cause = matched.cause->cause;
    text = matched.cause->text;
    advice = matched.cause->advice;
  }
  walk.step("rtp", has_rtp, evidence, cause, text, advice);
  if (!has_rtp) return;
  const bool has_sound = speaker.since_voice && *speaker.since_voice < kNoRtp;
  walk.step("sound", has_sound,
            speaker.since_voice ? "the last packet with sound arrived " + ago(*speaker.since_voice)
                                : "no packet had sound",
            "speaker_silent", "The speaker's client sends packets without sound.",
            "The microphone is muted or picks up nothing, or the player does not speak.");
}

// Why an audible speaker has no slot.
struct NoSlot {
  std::string_view cause, text, advice;
};
constexpr NoSlot kNoSlotYet = {"no_slot_yet", "The speaker has no slot of the listener yet.",
                               "Ask again while the player speaks."};
constexpr NoSlot kOthersHaveSlots = {
    "no_slot", "Other speakers have the listener's slots.",
    "Offer more slots, raise max_speakers of the rules, or give the speaker a higher priority."};
constexpr NoSlot kOverload = {
    "overload", "A worker is saturated, so the players of the room hear fewer speakers at the same time.",
    "Raise workers.count, or move rooms to another server."};

const NoSlot& reasonWithoutSlot(const PlayerEvidence& listener, bool others_have_slots) {
  if (!others_have_slots) return kNoSlotYet;
  return listener.speaker_limit < listener.slots ? kOverload : kOthersHaveSlots;
}

void walkDelivery(Walk& walk, const Evidence& evidence, bool is_routed) {
  const PlayerEvidence& listener = *evidence.listener;
  if (!listener.session) return;
  if (is_routed) {
    bool on_slot = false;
    for (const uint32_t speaker : listener.on_slots) on_slot |= speaker == evidence.speaker_number;
    const std::string others = joined(evidence.others_on_slots);
    const NoSlot& reason = reasonWithoutSlot(listener, !others.empty());
    walk.step("slot", on_slot,
              on_slot ? "the speaker has one of " + std::to_string(listener.slots) + " slots"
                      : "the listener's " + std::to_string(listener.slots) +
                            " slots have: " + (others.empty() ? "none" : others),
              reason.cause, reason.text, reason.advice);
  }
  const auto [drop_cause, drop] = match(kListenerDrops, listener.session->drops);
  if (drop_cause == nullptr) {
    walk.step("delivery", true, "no filter dropped a packet to the listener in the last 2 s", "", "", "");
  } else {
    walk.step("delivery", false, describe(*drop), drop_cause->cause, drop_cause->text, drop_cause->advice);
  }
  walk.step("line", listener.loss_out < kHeavyLoss,
            "the listener reports a loss of " + number(100 * listener.loss_out, "%"), "listener_loss",
            "The listener's line loses most packets.",
            "Check the listener's network; the filters repair and pacer help.");
  const double busy = std::max(evidence.speaker->worker_busy, listener.worker_busy);
  walk.step("load", busy < kSaturated, "the workers are at most " + number(100 * busy, "% busy"),
            "worker_saturated", "A worker has no time left.",
            "Raise workers.count, or move rooms to another server.");
}

}  // namespace

bool isCause(std::string_view filter_type, std::string_view reason) {
  const auto matches = [&](const DropCause& cause) { return cause.matches(filter_type, reason); };
  return std::ranges::any_of(kSpeakerDrops, matches) || std::ranges::any_of(kListenerDrops, matches);
}

Explanation explain(const Evidence& evidence) {
  Explanation out;
  Walk walk(out);
  const auto join = [&](const std::string& who, const std::optional<PlayerEvidence>& player) {
    walk.step(who + "_joined", player.has_value(), player ? "is in the room" : "is not in the room",
              who + "_not_joined", "The " + who + " is not in the room.",
              "The client must join this room with the id that the request names.");
  };
  join("speaker", evidence.speaker);
  join("listener", evidence.listener);
  if (evidence.same_player) {
    walk.step("pair", false, "both are the same player", "same_player", "Players do not hear themselves.",
              "Ask about two players.");
  }
  if (evidence.speaker) {
    walk.step("speaker_offer", evidence.speaker->sends,
              evidence.speaker->sends ? "a media section sends" : "no media section sends",
              "speaker_offers_no_voice", "The speaker joined without a microphone.",
              "The client must offer a media section that is sendrecv or sendonly.");
  }
  if (evidence.listener) {
    walk.step("listener_offer", evidence.listener->slots > 0,
              std::to_string(evidence.listener->slots) + " slots", "listener_offers_no_slot",
              "The listener's offer receives nothing.",
              "The client must offer at least one media section that is sendrecv or recvonly.");
  }
  if (evidence.speaker) walkConnection(walk, "speaker", *evidence.speaker);
  if (evidence.listener) walkConnection(walk, "listener", *evidence.listener);
  if (evidence.speaker && evidence.speaker->connected) walkVoice(walk, *evidence.speaker);
  if (evidence.decision && !evidence.same_player) {
    const Decision& decision = *evidence.decision;
    std::string basis = decision.reason() + (decision.rule().empty() ? "" : ", " + decision.rule());
    if (decision.margin() != 0) basis += ", " + number(decision.margin(), "world units of margin");
    walk.step("rules", decision.audible(), basis, decision.reason(), decision.text(),
              adviceFor(decision.reason()));
  }
  if (evidence.listener && evidence.listener->connected && evidence.speaker && !evidence.same_player) {
    walkDelivery(walk, evidence, out.cause().empty());
  }
  out.set_heard(out.cause().empty());
  if (out.heard()) {
    out.set_text("The speaker's packets are on their way to the listener.");
    out.set_advice(
        "If the listener hears nothing, check that the client plays its tracks, and its output device.");
  }
  return out;
}

}  // namespace sluice::control
