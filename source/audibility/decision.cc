#include "source/audibility/decision.h"

#include <array>

#include "source/base/enum_size.h"

namespace sluice::audibility {
namespace {

struct Texts {
  std::string_view name;
  std::string_view text;
};
// In the order of Reason.
constexpr std::array<Texts, kEnumSize<Reason>> kTexts = {{
    {"everyone", "A rule lets every player hear every other."},
    {"same_team", "The players are in the same team."},
    {"in_range", "The receiver is within the speaker's range."},
    {"held_in_range", "The receiver has left the speaker's range, but is within the hysteresis."},
    {"channel", "The receiver listens to a channel on which the speaker talks."},
    {"broadcaster", "The speaker is a broadcaster."},
    {"allowed", "A rule allows the pair."},
    {"forced_on", "An override of the game forces the pair on."},
    {"self", "Players do not hear themselves."},
    {"other_world", "The players are in different worlds."},
    {"blocked", "One of the players blocks the other."},
    {"muted", "The speaker is muted."},
    {"deafened", "The receiver is deafened."},
    {"forced_off", "An override of the game forces the pair off."},
    {"team_mode", "One of the players is in mode TEAM, and they are not in the same team."},
    {"denied", "A rule denies the pair."},
    {"out_of_range", "The receiver is out of the speaker's range."},
    {"beyond_receive_range", "The speaker is beyond the receiver's receive_range."},
    {"on_channel_only", "The speaker talks on a channel that is not heard by players nearby."},
    {"no_common_channel", "The receiver does not listen to a channel on which the speaker talks."},
    {"other_team", "The players are not in the same team."},
    {"no_rule", "No rule applies to this pair of players."},
}};

}  // namespace

std::string_view text(Reason reason) {
  return kTexts[static_cast<size_t>(reason)].text;
}

std::string_view name(Reason reason) {
  return kTexts[static_cast<size_t>(reason)].name;
}

}  // namespace sluice::audibility
