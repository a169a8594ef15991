// Receives the positions of players from a game's servers. Verified datagrams go to the main thread, which
// moves the players of the rooms; all others are dropped without a response.
#pragma once

#include "source/chain/filter_type.h"

namespace sluice::position_feed {

chain::FilterType filterType();

}  // namespace sluice::position_feed
