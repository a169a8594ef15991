#include "source/command_line/command_line.h"

#include <doctest/doctest.h>

#include "source/base/version.h"
#include "source/load/options.h"
#include "source/server/options.h"

using namespace sluice;
using command_line::Ending;

namespace {

template <typename Parse>
auto run(Parse parse, std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "program");
  return parse(static_cast<int>(arguments.size()), arguments.data());
}

template <typename Parse>
Ending endingOf(Parse parse, std::vector<const char*> arguments) {
  const auto parsed = run(parse, std::move(arguments));
  const auto* ending = std::get_if<Ending>(&parsed);
  REQUIRE(ending != nullptr);
  return *ending;
}

Ending sluiceEnds(std::vector<const char*> arguments) {
  return endingOf(server::parseOptions, std::move(arguments));
}
Ending loadEnds(std::vector<const char*> arguments) {
  return endingOf(load::parseOptions, std::move(arguments));
}

std::string firstLine(const Ending& ending) {
  return ending.text.substr(0, ending.text.find('\n'));
}

}  // namespace

TEST_CASE("an unknown flag is reported before a missing required flag") {
  CHECK(firstLine(sluiceEnds({"--confg", "x"})) == "--confg: unknown flag; did you mean --config?");
  CHECK(firstLine(sluiceEnds({"--confg=x"})) == "--confg: unknown flag; did you mean --config?");
  CHECK(firstLine(sluiceEnds({"--zzz"})) == "--zzz: unknown flag");
  CHECK(firstLine(sluiceEnds({"-x"})) == "-x: unknown flag");
  CHECK(firstLine(sluiceEnds({"--config", "a", "b"})) == "b: unexpected argument");
  CHECK(firstLine(loadEnds({"--player", "2"})) == "--player: unknown flag; did you mean --players?");
  CHECK(sluiceEnds({"--confg", "x"}).exit_code == 2);
  CHECK(loadEnds({"--player", "2"}).exit_code == 2);
}

TEST_CASE("a missing required flag is named") {
  CHECK(firstLine(sluiceEnds({})) == "--config is required");
  CHECK(firstLine(loadEnds({})) == "--join is required");
  CHECK(firstLine(sluiceEnds({"--config", "a", "--mode", "diff"})) == "--against is required");
}

TEST_CASE("both programs print their version and exit with 0") {
  CHECK(sluiceEnds({"--version"}).text == std::string("sluice ") + kVersion + "\n");
  CHECK(loadEnds({"--version"}).text == std::string("sluice-load ") + kVersion + "\n");
  CHECK(sluiceEnds({"--version"}).exit_code == 0);
  CHECK(loadEnds({"--version"}).exit_code == 0);
}

TEST_CASE("a wrong value is reported with the allowed values") {
  CHECK(firstLine(sluiceEnds({"-c", "a", "--mode", "check"})) ==
        "--mode: must be serve, validate or diff, not 'check'");
  CHECK(firstLine(sluiceEnds({"-c", "a", "-l", "verbose"})) ==
        "--log-level: must be trace, debug, info, warn, error or off, not 'verbose'");
  CHECK(firstLine(sluiceEnds({"-c"})) == "--config: needs exactly one value");
  CHECK(firstLine(sluiceEnds({"-c", "a", "-c", "b"})) == "--config: needs exactly one value");
  CHECK(firstLine(sluiceEnds({"-c", "a", "--concurrency", "0"})) ==
        "--concurrency: Value 0 not in range 1 to 64");
  CHECK(firstLine(loadEnds({"--join", "a", "--max-loss-percent", "many"})) ==
        "--max-loss-percent: must be a number");
}

TEST_CASE("sluice-load: flags that contradict each other are refused") {
  const auto refused = [](std::vector<const char*> flags) {
    flags.insert(flags.begin(), {"--join", "https://h"});
    const Ending ending = loadEnds(flags);
    CHECK(ending.exit_code == 2);
    return firstLine(ending);
  };
  CHECK(refused({"--token", "t", "--token-secret-file", "f"}) ==
        "--token cannot be given together with --token-secret-file");
  CHECK(refused({"--token", "t", "--token-secret", "s"}) ==
        "--token cannot be given together with --token-secret");
  CHECK(refused({"--token-secret", "s", "--token-secret-file", "f"}) ==
        "--token-secret-file cannot be given together with --token-secret");
  CHECK(refused({"--ca-file", "f", "--insecure"}) == "--ca-file cannot be given together with --insecure");
}

TEST_CASE("the help lists modes by name and marks required flags") {
  const Ending help = sluiceEnds({"--help"});
  CHECK(help.exit_code == 0);
  CHECK(help.text.find("serve, validate or diff") != std::string::npos);
  CHECK(help.text.find("->") == std::string::npos);
  CHECK(help.text.find("REQUIRED") != std::string::npos);
  CHECK(help.text.find("--version") != std::string::npos);
}

TEST_CASE("a complete command line becomes options") {
  const auto parsed =
      run(server::parseOptions, {"-c", "a.json", "--mode", "diff", "--against", "http://h:1"});
  const auto* options = std::get_if<server::Options>(&parsed);
  REQUIRE(options != nullptr);
  CHECK(options->config == "a.json");
  CHECK(options->mode == server::Options::Mode::kDiff);
  CHECK(options->against == "http://h:1");
}
