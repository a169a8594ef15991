#include "source/load/options.h"

#include <algorithm>

#include "source/command_line/command_line.h"

namespace sluice::load {
namespace {

void addServer(CLI::App& app, Options& options) {
  app.add_option("--join", options.join, "The join API, e.g. http://127.0.0.1:8080 or https://voice.example")
      ->required();
  auto* ca_file =
      app.add_option("--ca-file", options.ca_file,
                     "CA certificates in PEM that verify an https join API, instead of the system's");
  app.add_flag("--insecure", options.insecure,
               "Accept any certificate of an https join API: an attacker on the path can then read and "
               "change all traffic")
      ->excludes(ca_file);
  auto* token =
      app.add_option("--token", options.token, "Bearer token for the join API, the same for all players");
  auto* secret_file = app.add_option("--token-secret-file", options.token_secret_file,
                                     "File with one of the server's join.token_secrets: each player gets its "
                                     "own token, signed with it")
                          ->excludes(token);
  app.add_option(
         "--token-secret", options.token_secret,
         "The secret itself. Every user of this machine can see it in the process list, so prefer the file")
      ->excludes(token)
      ->excludes(secret_file);
}

void addPlayers(CLI::App& app, Options& options) {
  app.add_option("--room", options.room, "Name of the room")->capture_default_str();
  app.add_option("--rooms", options.rooms,
                 "Number of rooms over which the players are spread, named ROOM-0, ROOM-1, ...")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--players", options.players, "Players in all rooms")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--talkers", options.speakers, "Speakers in each room")
      ->check(CLI::Range(0, 100'000))
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "How many seconds the speakers talk")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str();
  app.add_option("--slots", options.slots,
                 "Slots of a player, which are the speakers that it can hear at once; default: the value of "
                 "--talkers, at most 4")
      ->check(CLI::Range(1, 64));
  app.add_option("--names", options.names, "Names of the first players, separated by commas")->delimiter(',');
}

void addSpeech(CLI::App& app, Options& options) {
  auto* spurts = app.add_flag("--spurts", options.spurts, "Talk in talkspurts with pauses between them");
  app.add_flag("--in-turn", options.in_turn,
               "The speakers of a room talk one after another, one second each; with two or more slots, "
               "every packet is expected at every receiver")
      ->excludes(spurts);
  app.add_flag(
      "--open-microphones", options.open_microphones,
      "Send packets of silence while not talking, as browsers do; this includes players that never talk");
  app.add_option("--lossy", options.lossy,
                 "Number of players, counted from the last, that lose received packets and request their "
                 "retransmission; the report lists them separately")
      ->capture_default_str();
  app.add_option("--lossy-percent", options.lossy_percent,
                 "Percentage of received packets that these players lose")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  app.add_option("--flood", options.flood,
                 "The first player, if it talks, sends this many packets per second, rounded down to a "
                 "multiple of 500; the report excludes it")
      ->check(CLI::Range(500, 100'000));
}

void addWalk(CLI::App& app, Options& options) {
  auto* control = app.add_option("--control", options.control,
                                 "The control API, e.g. http://127.0.0.1:9902; --ca-file and --insecure hold "
                                 "for it too");
  auto* file = app.add_option("--control-token-file", options.control_token_file,
                              "File with one of the server's control.tokens");
  app.add_option("--control-token", options.control_token,
                 "The token itself. Every user of this machine can see it in the process list, so prefer the "
                 "file")
      ->excludes(file);
  app.add_flag(
         "--walk", options.walk,
         "Move the players through the control API, 20 times a second, each along a circle in a square "
         "field. The report counts the renderings that arrived in the header extension, and those with a "
         "wrong direction or distance; it counts no loss, because the room's rules decide who hears whom")
      ->needs(control);
  app.add_option("--field", options.field, "Length of the side of the field, in world units")
      ->check(CLI::Range(1.0, 1e6))
      ->capture_default_str();
}

void addReport(CLI::App& app, Options& options) {
  app.add_flag("--json", options.json, "Print the report as one JSON object");
  app.add_flag("--forever", options.forever, "Run until SIGINT or SIGTERM");
  app.add_option("--max-loss-percent", options.max_loss_percent, "Exit with status 1 if the loss is higher");
}

}  // namespace

unsigned Options::slotsPerPlayer() const {
  return slots.value_or(std::clamp(speakers, 1u, 4u));
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
      "Voice clients with ICE, DTLS-SRTP and Opus, for load tests and as bots.\n"
      "Every packet carries a sequence number, a time and a checksum in Opus padding. The report shows\n"
      "packets that were lost, late, duplicated or corrupted. Loss is counted once all players are\n"
      "connected. With more speakers than slots, only gaps within the packets that a player received\n"
      "count as loss.",
      "sluice-load"};
  addServer(app, options);
  addPlayers(app, options);
  addSpeech(app, options);
  addWalk(app, options);
  addReport(app, options);
  try {
    command_line::parse(app, argc, argv);
  } catch (const CLI::ParseError& error) {
    return command_line::end(app, error);
  }
  return options;
}

}  // namespace sluice::load
