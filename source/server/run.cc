#include "source/server/run.h"

#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "source/base/log.h"
#include "source/config/load.h"
#include "source/http/client.h"
#include "source/http/message.h"
#include "source/reload/reload_plan.h"
#include "source/server/server.h"

namespace sluice::server {

namespace {

// Each relay or upstream needs a descriptor: raises the soft limit to the hard one.
void raiseDescriptorLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int printErrors(const Errors& errors, std::FILE* out) {
  for (const Error& error : errors) std::fprintf(out, "%s\n", error.toString().c_str());
  return 1;
}

// Requests the plan from the running proxy, since it depends on the sessions and filters there.
int diff(const Options& options) {
  const auto file = config::readText(options.config);
  if (!file.ok()) return printErrors(file.errors(), stdout);
  // The running proxy usually has the same admin token; it also reports errors of the file.
  const auto bootstrap = config::parse(file->text, file->format, options.config);
  const auto client = http::Client::make(
      {.url = options.against, .token = bootstrap.ok() ? bootstrap->admin().token() : std::string()});
  if (!client.ok()) return printErrors({{"--against", client.error().message}}, stderr);
  const char* type = file->format == config::Format::kJson ? "application/json" : "text/plain";
  // Relative paths in the file start from its own directory, wherever the proxy runs.
  const std::string folder = std::filesystem::absolute(options.config).parent_path().string();
  const std::string target = "/reload?dry_run=1&directory=" + http::percentEncode(folder);
  const auto response = (*client)->request("POST", target, type, file->text);
  if (!response.ok()) return printErrors({{"--against", response.error().toString()}}, stderr);
  const auto body = nlohmann::json::parse(response->body, nullptr, false);
  if (response->status == 200 && body.is_object()) {
    std::fputs(reload::describePlan(body).c_str(), stdout);
    return 0;
  }
  if (!body.is_object() || !body.contains("errors")) {
    return printErrors({{"--against", "responded with status " + std::to_string(response->status)}}, stderr);
  }
  Errors errors;
  for (const auto& error : body["errors"]) errors.push_back({error["field"], error["error"]});
  return printErrors(errors, stdout);
}

}  // namespace

int run(int argc, char** argv, const chain::Registry& registry) {
  const auto parsed = parseOptions(argc, argv);
  if (const auto* ending = std::get_if<command_line::Ending>(&parsed)) return command_line::finish(*ending);
  const Options& options = std::get<Options>(parsed);
  std::signal(SIGPIPE, SIG_IGN);
  raiseDescriptorLimit();
  if (options.mode == Options::Mode::kDiff) return diff(options);
  log::init();
  log::setLevel(options.log_level);
  auto server = Server::start(options, registry);
  if (!server.ok()) {
    // For validate the errors are the output; otherwise they go to stderr.
    return printErrors(server.errors(), options.mode == Options::Mode::kValidate ? stdout : stderr);
  }
  if (options.mode == Options::Mode::kValidate) {
    std::puts("OK");
    return 0;
  }
  (*server)->run();
  return 0;
}

}  // namespace sluice::server
