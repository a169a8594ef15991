// The join API and its page as requests and responses: players join with an SDP offer and leave with DELETE.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/base/clock.h"
#include "source/credentials/store.h"
#include "source/http/event_stream.h"
#include "source/http/host_names.h"
#include "source/http/message.h"
#include "source/http/router.h"
#include "source/join/audible_feed.h"
#include "source/join/cors.h"
#include "source/join/pages.h"
#include "source/join/room_feed.h"
#include "source/join/token.h"
#include "source/rooms/directory.h"
#include "source/sdp/answer.h"

namespace sluice::join {

struct Options {
  std::vector<std::string> token_secrets{};                 // empty: no tokens, so listen on loopback only
  std::vector<sdp::Candidate> candidates{};                 // sent to clients, best first; at least one
  std::string page_directory{};                             // empty: no pages
  std::vector<std::string> turn_uris{};                     // empty: no TURN credentials
  std::shared_ptr<const credentials::Store> credentials{};  // needed for turn_uris; it can issue
  rooms::RepairFeatures repair{};                           // offers may negotiate it
  http::HostNames hosts{};                     // allowed in requests; checked if there are no tokens
  std::vector<std::string> allowed_origins{};  // of pages; see Cors
};

// Observes its directory, which outlives it.
class Api final : private rooms::Observer {
 public:
  // `certificate` is the SHA-256 fingerprint of the server's DTLS certificate. `snapshots` is for the event
  // `audible`; empty: no room has rules. `unix_time` returns seconds since 1970.
  Api(rooms::Directory& directory, const Clock& clock, const rooms::Fingerprint& certificate, Options options,
      AudibleFeed::Snapshots snapshots = {}, std::function<int64_t()> unix_time = {});
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  http::Response handle(const http::Request& request);
  // Checks a request that has a body by its headers alone: the response that refuses it, or nothing.
  std::optional<http::Response> refuse(const http::Request& request) const;
  // The request's share of the rate limit (http::Handlers::cost): files of the page are cheap, because a
  // browser loads ten at once.
  static double costOf(const http::Request& request);
  // Completes the response to a request, including responses of the HTTP server itself.
  void finish(const http::Request& request, http::Response& response) const;

  ~Api() override;

  // Takes effect for the next request.
  void configure(Options options);

  // While draining, joins get 503; leaving and reading still work. An event notifies players that their calls
  // end within `limit`, or, without it, that they should leave.
  void drain(std::optional<Duration> limit);

  // Sends subscribers the changes in their rooms. Call it every RoomFeed::kInterval.
  void publishRooms() { room_feed_.publish(); }

  // Sends subscribers the changes of their slots. Call it every AudibleFeed::kInterval.
  void publishAudible() { audible_feed_.publish(); }

 private:
  // Without tokens, refuses a request from a web page of another site whose name resolves to this server.
  std::optional<http::Response> refuseOtherSite(const http::Request& request) const;
  std::optional<http::Response> refuseJoin(const http::Request& request,
                                           const http::Parameters& parameters) const;
  http::Response join(const http::Request& request, const http::Parameters& parameters);
  // The answer to an offer for the player's existing connection; nothing if the offer is for another one.
  std::optional<http::Response> answerLater(const rooms::PlayerPtr& player, const sdp::Offer& offer,
                                            const http::Request& request);
  http::Response leave(const http::Request& request, const http::Parameters& parameters);
  http::Response events(const http::Request& request, const http::Parameters& parameters);
  http::Response turnCredentials(const http::Request& request, const http::Parameters& parameters) const;
  http::Response listRooms(const http::Request& request) const;
  http::Response showRoom(const http::Request& request, const http::Parameters& parameters) const;

  // The response that refuses an unauthorized request, or nothing. An empty `player`: any player of the room.
  std::optional<http::Response> refuse(const http::Request& request, std::string_view room,
                                       std::string_view player) const;
  sdp::Local makeLocal(const sdp::Offer& offer) const;
  nlohmann::json describe(const rooms::Player& player) const;

  // rooms::Observer
  void onJoined(const rooms::PlayerPtr&) override {}
  void onLeft(const rooms::PlayerPtr& player) override;
  void onAdvised(const rooms::PlayerPtr& player, const rooms::VoiceProfile& profile) override;

  rooms::Directory& directory_;
  const Clock& clock_;
  const rooms::Fingerprint certificate_;
  const std::function<int64_t()> unix_time_;
  Options options_;
  Pages pages_;
  Cors cors_;
  http::Router router_;
  std::multimap<rooms::PlayerPtr, std::shared_ptr<http::EventStream>> subscribers_;
  RoomFeed room_feed_{directory_, clock_};
  AudibleFeed audible_feed_;
  bool draining_ = false;
  std::string draining_event_;  // while draining
};

}  // namespace sluice::join
