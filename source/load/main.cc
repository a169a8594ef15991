#include <csignal>
#include <cstdio>

#include "source/base/log.h"
#include "source/load/run.h"

int main(int argc, char** argv) {
  using namespace sluice;
  const auto parsed = load::parseOptions(argc, argv);
  if (const auto* ending = std::get_if<command_line::Ending>(&parsed)) return command_line::finish(*ending);
  std::signal(SIGPIPE, SIG_IGN);
  log::init();
  auto run = load::Run::make(std::get<load::Options>(parsed));
  if (!run.ok()) {
    std::fprintf(stderr, "%s\n", run.error().toString().c_str());
    return 2;
  }
  return (*run)->execute();
}
