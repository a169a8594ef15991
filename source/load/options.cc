#include "source/load/options.h"

#include <algorithm>

#include "source/command_line/command_line.h"

namespace sluice::load {

unsigned Options::slotsPerPlayer() const {
  return slots.value_or(std::clamp(talkers, 1u, 4u));
}

std::string Options::roomName(unsigned index) const {
  return rooms == 1 ? room : room + "-" + std::to_string(index);
}

std::string Options::playerName(unsigned index) const {
  return index < names.size() ? names[index] : "player-" + std::to_string(index);
}

std::variant<Options, command_line::Ending> parseOptions(int argc, const char* const* argv) {
  Options options;
  CLI::App app{
      "Real voice clients (ICE, DTLS-SRTP, Opus) for load and for company.\n"
      "Every packet carries a sequence number, a time and a checksum in Opus padding; the report says what "
      "was\n"
      "lost, late, doubled or damaged. Loss counts from the moment when all players are connected. With "
      "more\n"
      "talkers than slots only gaps within what a player heard count as loss.",
      "sluice-load"};
  app.add_option("--join", options.join, "The join API, e.g. http://127.0.0.1:8080 or https://voice.example")
      ->required();
  auto* ca_file = app.add_option("--ca-file", options.ca_file,
                                 "CAs in PEM that the certificate of an https join API is checked against, "
                                 "in place of the system's");
  app.add_flag("--insecure", options.insecure,
               "Accept any certificate of an https join API: whoever is in between can read and change what "
               "is said")
      ->excludes(ca_file);
  app.add_option("--room", options.room, "The room's name")->capture_default_str();
  app.add_option("--rooms", options.rooms, "Rooms to spread the players over, named ROOM-0, ROOM-1, ...")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--players", options.players, "Players in all rooms together")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--talkers", options.talkers, "Players that talk, in each room")
      ->check(CLI::Range(0, 100'000))
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "How long they talk")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str();
  app.add_option("--slots", options.slots,
                 "Speakers that a player can hear at once; default: the talkers, at most 4")
      ->check(CLI::Range(1, 64));
  auto* token =
      app.add_option("--token", options.token, "Bearer token for the join API, the same for all players");
  auto* secret_file =
      app.add_option("--token-secret-file", options.token_secret_file,
                     "File with one of the server's join.token_secrets: each player gets a token "
                     "of its own, signed with it")
          ->excludes(token);
  app.add_option("--token-secret", options.token_secret,
                 "The same as text; everyone on this machine sees it in the list of processes, so prefer "
                 "the file")
      ->excludes(token)
      ->excludes(secret_file);
  app.add_option("--names", options.names, "Names of the first players, separated by commas")->delimiter(',');
  app.add_flag("--json", options.json, "Print the report as one JSON object");
  app.add_flag("--forever", options.forever, "Run until SIGINT or SIGTERM");
  auto* spurts = app.add_flag("--spurts", options.spurts, "Talk in spurts with pauses, as people do");
  app.add_flag(
         "--in-turn", options.in_turn,
         "The talkers of a room talk one after another, a second each; with two slots or more all of it "
         "is expected to be heard")
      ->excludes(spurts);
  app.add_flag("--open-microphones", options.open_microphones,
               "Send packets of silence while not talking, as browsers do; players that never talk too");
  app.add_option(
         "--lossy", options.lossy,
         "So many of the players, the last ones, lose packets on the way to them and ask for them again; "
         "they are counted apart")
      ->capture_default_str();
  app.add_option("--lossy-percent", options.lossy_percent, "What they lose")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  app.add_option("--flood", options.flood,
                 "The first player, if it talks, sends this many packets per second, rounded down to a "
                 "multiple of 500, and is not counted: the report is about the others")
      ->check(CLI::Range(500, 100'000));
  app.add_option("--max-loss-percent", options.max_loss_percent, "Exit with 1 when more than this is lost");
  try {
    command_line::parse(app, argc, argv);
  } catch (const CLI::ParseError& error) {
    return command_line::end(app, error);
  }
  return options;
}

}  // namespace sluice::load
