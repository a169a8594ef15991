#pragma once

#include <doctest/doctest.h>
#include <google/protobuf/text_format.h>

#include <string>
#include <utility>
#include <vector>

#include "source/control/room_states.h"
#include "test/control/fake_state_sink.h"

namespace sluice::test {

template <typename T>
T parse(const std::string& text) {
  T message;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

// The room "lobby".
struct ControlFixture {
  void join(const std::string& id) { REQUIRE(directory.join("lobby", id, {}).ok()); }
  void leave(const std::string& id) { REQUIRE(directory.leave(directory.find("lobby", id))); }

  // Rules in text format by name.
  void configure(const std::vector<std::pair<std::string, std::string>>& rules) {
    std::vector<audibility::ConfiguredRules> all;
    for (const auto& [name, text] : rules) {
      const auto written = parse<sluice::Audibility>(text);
      all.push_back({name, written, *audibility::readRules(written)});
    }
    states.configure(std::move(all));
  }

  // Empty, or the errors.
  std::string update(const std::string& request) {
    const auto version = states.update("lobby", parse<control::UpdateRequest>(request));
    return version ? "" : toString(version.errors());
  }
  std::string setRules(const std::string& request) {
    const auto version = states.setRules("lobby", parse<control::SetRulesRequest>(request));
    return version ? "" : toString(version.errors());
  }

  // Why the listener hears the speaker, or does not.
  std::string reason(const std::string& speaker, const std::string& listener) {
    const auto decision = states.decide("lobby", listener, speaker);
    return decision ? decision->reason() : toString(decision.errors());
  }
  // The last one of the player's room; null if there is none.
  audibility::SnapshotPtr snapshot(const std::string& id) const {
    const auto found = sink.last.find(directory.find("lobby", id)->room->number());
    return found == sink.last.end() ? nullptr : found->second;
  }

  ManualClock clock;
  rooms::Directory directory{{}, 2, clock};
  FakeStateSink sink;
  control::RoomStates states{directory, clock, sink};
};

}  // namespace sluice::test
