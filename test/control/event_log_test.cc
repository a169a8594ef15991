#include "source/control/event_log.h"

#include <doctest/doctest.h>

#include <string>

namespace sluice::control {
namespace {

Event eventIn(const std::string& room, const std::string& player = "ann") {
  Event event;
  event.set_room(room);
  event.set_player(player);
  return event;
}

std::string read(http::EventStream& stream) {
  return stream.take(1 << 20);
}

// The id of the last event in `text`.
std::string lastId(const std::string& text) {
  const size_t begin = text.rfind("id: ");
  return begin == std::string::npos ? "" : text.substr(begin + 4, text.find('\n', begin) - begin - 4);
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST_CASE("EventLog: a stream gets the events that happen from its subscription on") {
  EventLog log;
  log.add(EventKind::kJoined, eventIn("lobby", "before"));
  const auto stream = log.subscribe("", "");
  log.add(EventKind::kSpeakingStarted, eventIn("lobby"));
  const std::string text = read(*stream);
  CHECK(text.find("before") == std::string::npos);
  CHECK(text.find("event: subscribed\n") != std::string::npos);
  CHECK(text.ends_with("event: speaking_started\ndata: {\"room\":\"lobby\",\"player\":\"ann\"}\n\n"));
}

TEST_CASE("EventLog: a stream of one room gets no events of others") {
  EventLog log;
  const auto stream = log.subscribe("lobby", "");
  log.add(EventKind::kJoined, eventIn("other"));
  log.add(EventKind::kLeft, eventIn("lobby"));
  const std::string text = read(*stream);
  CHECK(count(text, "event: joined") == 0);
  CHECK(count(text, "event: left") == 1);
}

TEST_CASE("EventLog: a client that connects again continues after the last event that it had") {
  EventLog log;
  const auto first = log.subscribe("", "");
  const std::string subscribed = lastId(read(*first));
  log.add(EventKind::kJoined, eventIn("lobby", "one"));
  const std::string one = lastId(read(*first));
  first->end();
  log.add(EventKind::kJoined, eventIn("lobby", "two"));
  const std::string after_one = read(*log.subscribe("", one));
  CHECK(count(after_one, "\"one\"") == 0);
  CHECK(count(after_one, "\"two\"") == 1);
  CHECK(count(after_one, "event: missed") == 0);
  CHECK(count(read(*log.subscribe("", subscribed)), "event: joined") == 2);
}

TEST_CASE("EventLog: a client is told that the log does not have all events after its last one") {
  EventLog log, other;
  const auto stream = log.subscribe("", "");
  log.add(EventKind::kJoined, eventIn("lobby", "first"));
  const std::string first = lastId(read(*stream));
  stream->end();
  for (size_t i = 0; i <= EventLog::kMaxEvents; ++i) log.add(EventKind::kMuted, eventIn("lobby"));
  const std::string text = read(*log.subscribe("", first));
  CHECK(text.starts_with("id: "));
  CHECK(count(text.substr(0, 100), "event: missed") == 1);
  for (const std::string& foreign : {std::string("nonsense"), lastId(read(*other.subscribe("", ""))),
                                     first + "0000000", first + "x", std::string("-")}) {
    const auto resumed = log.subscribe("", foreign);
    CHECK(count(read(*resumed), "event: missed") == 1);
    resumed->end();
  }
}

TEST_CASE("EventLog: a client that reads slowly gets everything, and holds few bytes meanwhile") {
  EventLog log;
  const auto stream = log.subscribe("", "");
  for (int i = 0; i < 5000; ++i) log.add(EventKind::kJoined, eventIn("lobby", "player " + std::to_string(i)));
  CHECK(stream->pending() < http::EventStream::kMaxPending / 2);
  std::string text;
  for (int i = 0; i < 200; ++i) {
    text += read(*stream);
    log.deliver();
  }
  CHECK(count(text, "event: joined") == 5000);
  CHECK(count(text, "event: missed") == 0);
  CHECK(!stream->ended());
}

TEST_CASE("EventLog: a client that reads nothing is told what it missed, and is not disconnected") {
  EventLog log;
  const auto stream = log.subscribe("", "");
  for (size_t i = 0; i < 3 * EventLog::kMaxEvents; ++i) log.add(EventKind::kJoined, eventIn("lobby"));
  CHECK(!stream->ended());
  read(*stream);
  log.deliver();
  CHECK(count(read(*stream), "event: missed") == 1);
}

TEST_CASE("EventLog: there are at most kMaxStreams streams, and those that have ended do not count") {
  EventLog log;
  std::vector<std::shared_ptr<http::EventStream>> streams;
  for (size_t i = 0; i < EventLog::kMaxStreams; ++i) streams.push_back(log.subscribe("", ""));
  CHECK(log.subscribe("", "") == nullptr);
  streams.front()->end();
  CHECK(log.subscribe("", "") != nullptr);
  log.endStreams();
  for (const auto& stream : streams) CHECK(stream->ended());
}

TEST_CASE("EventLog: a takeover keeps the events and their ids") {
  EventLog old, fresh;
  const auto stream = old.subscribe("", "");
  old.add(EventKind::kJoined, eventIn("lobby", "one"));
  const std::string one = lastId(read(*stream));
  old.add(EventKind::kJoined, eventIn("lobby", "two"));
  Descriptors none;
  Archive out(none);
  old.archive(out);
  fresh.add(EventKind::kJoined, eventIn("lobby", "three"));
  const std::string bytes = out.takeBytes();
  Archive in(asBytes(bytes), none);
  fresh.archive(in);
  REQUIRE(in.ok());
  fresh.add(EventKind::kLeft, eventIn("lobby", "one"));
  const std::string text = read(*fresh.subscribe("", one));
  CHECK(count(text, "event: ") == 2);
  CHECK(count(text, "\"two\"") == 1);
  CHECK(count(text, "event: left") == 1);
}

}  // namespace
}  // namespace sluice::control
