// sluice-load's command line.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "source/command_line/ending.h"

namespace sluice::load {

struct Options {
  std::string join;       // "http://host:port" or "https://host:port"
  std::string ca_file;    // for https; empty: the system's CAs
  bool insecure = false;  // for https: accepts any certificate
  std::string room = "load";
  unsigned rooms = 1;     // more than one: room-0, room-1, ...
  unsigned players = 2;   // total in all rooms
  unsigned speakers = 1;  // in each room
  unsigned seconds = 10;
  std::optional<unsigned> slots;  // of each player; default: one for each speaker, at most 4
  // At most one of these.
  std::string token;
  std::optional<std::string> token_secret;
  std::optional<std::string> token_secret_file;
  std::vector<std::string> names;
  bool json = false;
  bool forever = false;
  bool spurts = false;
  bool in_turn = false;
  bool open_microphones = false;
  std::optional<double> max_loss_percent;
  unsigned lossy = 0;  // the last players: their line loses packets, and they send NACKs
  double lossy_percent = 10;
  unsigned flood = 0;  // packets per second of the first player; 0: as the other speakers
  bool walk = false;
  float field = 100;                         // the length of its side in world units
  std::string control;                       // "http://host:port" or "https://host:port"
  std::optional<std::string> control_token;  // at most one of these
  std::optional<std::string> control_token_file;

  unsigned slotsPerPlayer() const;
  std::string roomName(unsigned index) const;
  std::string playerName(unsigned index) const;
};

std::variant<Options, command_line::Ending> parseOptions(int argc, const char* const* argv);

}  // namespace sluice::load
