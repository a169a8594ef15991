// Bodies of requests to the control API: each ends with a response, and a refused one changes nothing.
#include <google/protobuf/stubs/logging.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "source/control/api.h"
#include "test/control/no_evidence.h"

namespace sluice {
namespace {

constexpr const char* kToken = "a-token-of-the-game";

struct Discard final : control::StateSink {
  void publish(uint32_t, audibility::SnapshotPtr) override {}
  void forget(uint32_t) override {}
};

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace
}  // namespace sluice

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice;
  const google::protobuf::LogSilencer silencer;  // strings that are no UTF-8
  const ManualClock clock;
  rooms::Directory directory({}, 1, clock);
  Discard sink;
  control::RoomStates states(directory, clock, sink);
  control::EventLog events;
  const test::NoEvidence evidence;
  const control::History history(clock);
  control::Api api(directory, states, events, evidence, history);
  api.configure({.tokens = {kToken}, .hosts = http::HostNames()});
  for (const char* id : {"ann", "ben"}) require(directory.join("lobby", id, {}).ok());
  http::Request request;
  request.headers = {{"authorization", std::string("Bearer ") + kToken},
                     {"content-type", "application/json"}};
  request.body.assign(reinterpret_cast<const char*>(data), size);
  for (const auto& [method, path] :
       {std::pair{"PUT", "/v1/rooms/lobby/rules"}, {"POST", "/v1/rooms/lobby/update"}}) {
    request.method = method;
    request.path = path;
    const uint64_t before = states.version("lobby");
    const http::Response response = api.handle(request);
    require(response.status == 200 || response.status == 400 || response.status == 409);
    require((states.version("lobby") != before) == (response.status == 200));
  }
  require(states.decide("lobby", "ann", "ben").ok());
  events.add(control::EventKind::kJoined, {});
  const auto stream = events.subscribe("", request.body);
  require(stream->pending() > 0 || request.body.ends_with("-1"));
  return 0;
}
