#include "source/server/options.h"

#include <map>

#include "source/command_line/command_line.h"

namespace sluice::server {

std::variant<Options, command_line::Ending> parseOptions(int argc, const char* const* argv) {
  static const std::map<std::string, Options::Mode> kModes{{"serve", Options::Mode::kServe},
                                                           {"validate", Options::Mode::kValidate},
                                                           {"diff", Options::Mode::kDiff}};
  Options options;
  std::string mode = "serve";
  CLI::App app{
      "Sluice: a filter-chain proxy for real-time voice.\n"
      "SIGHUP, a change of the file and POST /reload reload the configuration;\n"
      "SIGTERM drains and exits; SIGINT exits at once.",
      "sluice"};
  app.add_option("-c,--config", options.config,
                 "Configuration: text-format protobuf (.textproto, .pbtxt) or JSON (.json)")
      ->required();
  app.add_option("--mode", mode,
                 "serve: run; validate: check the configuration, open no socket, exit 0 or 1; diff: report "
                 "what a running proxy would change if it loaded the configuration, exit 0 or 1")
      ->check(command_line::oneOf({"serve", "validate", "diff"}))
      ->capture_default_str();
  auto* against = app.add_option("--against", options.against,
                                 "With --mode diff: the admin endpoint of the running proxy, e.g. "
                                 "http://127.0.0.1:9901");
  app.add_option("--concurrency", options.concurrency, "Worker threads, 1 to 64; overrides workers.count")
      ->check(CLI::Range(1, 64));
  auto* takeover =
      app.add_flag("--takeover", options.takeover,
                   "Take over the sockets and sessions of the process that listens at the configuration's "
                   "takeover_socket; that process then exits. Without such a process, start as usual");
  app.add_option("-l,--log-level", options.log_level, "Log level")
      ->check(command_line::oneOf({"trace", "debug", "info", "warn", "error", "off"}))
      ->capture_default_str();
  try {
    command_line::parse(app, argc, argv);
    options.mode = kModes.at(mode);
    const bool diff = options.mode == Options::Mode::kDiff;
    if (diff && against->empty()) throw CLI::RequiredError("--against");
    if (options.mode != Options::Mode::kServe && !takeover->empty()) {
      throw CLI::RequiresError("--takeover", "--mode serve");
    }
    if (!diff && !against->empty()) throw CLI::RequiresError("--against", "--mode diff");
  } catch (const CLI::ParseError& error) {
    return command_line::end(app, error);
  }
  return options;
}

}  // namespace sluice::server
