#include <csignal>
#include <cstdio>

#include "source/base/log.h"
#include "source/load/run.h"

int main(int argc, char** argv) {
  using namespace sluice;
  int exit_code = 0;
  const auto options = load::parseOptions(argc, argv, exit_code);
  if (!options) return exit_code;
  std::signal(SIGPIPE, SIG_IGN);
  log::init();
  auto run = load::Run::make(*options);
  if (!run.ok()) {
    std::fprintf(stderr, "%s\n", run.error().toString().c_str());
    return 2;
  }
  return (*run)->execute();
}
