#include "source/server/options.h"

#include <CLI/CLI.hpp>

namespace sluice::server {

std::optional<Options> parseOptions(int argc, char** argv, int& exit_code) {
  Options options;
  CLI::App app{
      "Sluice: a filter-chain proxy for real-time voice.\n"
      "SIGHUP, a change of the file or POST /reload reloads it; SIGTERM drains and exits; SIGINT exits at "
      "once."};
  app.add_option("-c,--config", options.config,
                 "Configuration: text-format protobuf (.textproto, .pbtxt) or JSON (.json)")
      ->required();
  app.add_option("--mode", options.mode,
                 "serve: run; validate: check the configuration, open nothing, exit 0 or 1; diff: say what a "
                 "running proxy would do with it, exit 0 or 1")
      ->transform(
          CLI::CheckedTransformer(std::map<std::string, Options::Mode>{{"serve", Options::Mode::kServe},
                                                                       {"validate", Options::Mode::kValidate},
                                                                       {"diff", Options::Mode::kDiff}}))
      ->default_str("serve");
  auto* against = app.add_option("--against", options.against,
                                 "With --mode diff: the admin endpoint of the running proxy, e.g. "
                                 "http://127.0.0.1:9901");
  app.add_option("--concurrency", options.concurrency, "Worker threads, 1 to 64; overrides workers.count")
      ->check(CLI::Range(1, 64));
  auto* takeover =
      app.add_flag("--takeover", options.takeover,
                   "Take over sockets and sessions from the process that listens at the configuration's "
                   "takeover_socket, which then exits; without such a process, start as usual");
  app.add_option("-l,--log-level", options.log_level, "Log level")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
    const bool diff = options.mode == Options::Mode::kDiff;
    if (diff && against->empty()) throw CLI::RequiredError("--against");
    if (options.mode != Options::Mode::kServe && !takeover->empty()) {
      throw CLI::RequiresError("--takeover", "--mode serve");
    }
    if (!diff && !against->empty()) throw CLI::RequiresError("--against", "--mode diff");
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : 2;
    return std::nullopt;
  }
  return options;
}

}  // namespace sluice::server
