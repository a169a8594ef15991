#include "source/server/run.h"

#include <sys/resource.h>

#include <csignal>
#include <cstdio>

#include "source/base/log.h"
#include "source/server/server.h"

namespace sluice::server {

namespace {

// A relay or an upstream each takes a descriptor; what the system allows shall be there without asking for
// it.
void raiseDescriptorLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int run(int argc, char** argv, const chain::Registry& registry) {
  int exit_code = 0;
  const auto options = parseOptions(argc, argv, exit_code);
  if (!options) return exit_code;
  std::signal(SIGPIPE, SIG_IGN);
  raiseDescriptorLimit();
  log::init();
  log::setLevel(options->log_level);
  auto server = Server::start(*options, registry);
  if (!server.ok()) {
    // What is wrong is what validate was asked for; else it is a complaint.
    std::FILE* out = options->mode == Options::Mode::kValidate ? stdout : stderr;
    for (const Error& error : server.errors()) std::fprintf(out, "%s\n", error.toString().c_str());
    return 1;
  }
  if (options->mode == Options::Mode::kValidate) {
    std::puts("OK");
    return 0;
  }
  (*server)->run();
  return 0;
}

}  // namespace sluice::server
