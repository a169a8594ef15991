#include "source/command_line/command_line.h"

#include <algorithm>
#include <cstdio>
#include <sstream>

#include "source/base/closest_name.h"
#include "source/base/version.h"

namespace sluice::command_line {
namespace {

constexpr int kWrongFlag = 2;

std::vector<std::string> flagsOf(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

void refuseUnknown(const CLI::App& app) {
  const std::vector<std::string> unknown = app.remaining();
  if (unknown.empty()) return;
  const std::string& first = unknown.front();
  if (!first.starts_with('-'))
    throw CLI::ExtrasError(first + ": unexpected argument", CLI::ExitCodes::ExtrasError);
  const std::string flag = first.substr(0, first.find('='));
  throw CLI::ExtrasError(flag + ": unknown flag" + didYouMean(flag, flagsOf(app)),
                         CLI::ExitCodes::ExtrasError);
}

// CLI11 reports some errors in terms of its own types: "--config: 1 required TEXT missing".
std::string plainWords(const CLI::ParseError& error) {
  const std::string text = error.what();
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    return text.substr(0, text.find(':')) + ": needs exactly one value";
  }
  static constexpr std::string_view kExcludes = " excludes ";
  if (dynamic_cast<const CLI::ExcludesError*>(&error) != nullptr) {
    const size_t at = text.find(kExcludes);
    if (at != std::string::npos) {
      return text.substr(0, at) + " cannot be given together with " + text.substr(at + kExcludes.size());
    }
  }
  static constexpr std::string_view kNotConverted = "Could not convert: ";
  if (dynamic_cast<const CLI::ConversionError*>(&error) != nullptr && text.starts_with(kNotConverted)) {
    const std::string assignment = text.substr(kNotConverted.size());
    return assignment.substr(0, assignment.find(' ')) + ": must be a number";
  }
  return text;
}

}  // namespace

int finish(const Ending& ending) {
  std::fputs(ending.text.c_str(), ending.exit_code == 0 ? stdout : stderr);
  return ending.exit_code;
}

std::string listOf(const std::vector<std::string>& words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

CLI::Validator oneOf(const std::vector<std::string>& words) {
  return CLI::Validator(
      [words](const std::string& word) {
        const bool known = std::find(words.begin(), words.end(), word) != words.end();
        return known ? std::string() : "must be " + listOf(words) + ", not '" + word + "'";
      },
      listOf(words));
}

void parse(CLI::App& app, int argc, const char* const* argv) {
  app.set_version_flag("--version", app.get_name() + " " + kVersion, "Print the version and exit");
  app.allow_extras();
  std::vector<CLI::Option*> required =
      app.get_options([](CLI::Option* option) { return option->get_required(); });
  const auto require = [&](bool yes) {
    for (CLI::Option* option : required) option->required(yes);
  };
  require(false);
  try {
    app.parse(argc, argv);
  } catch (...) {
    require(true);  // --help shows it
    throw;
  }
  require(true);
  refuseUnknown(app);
  for (const CLI::Option* option : required) {
    if (option->empty()) throw CLI::RequiredError(option->get_name());
  }
}

Ending end(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() != 0) {
    return {kWrongFlag, plainWords(error) + "\nRun with --help for more information.\n"};
  }
  std::ostringstream out;
  app.exit(error, out, out);
  return {0, out.str()};
}

}  // namespace sluice::command_line
