#include "source/join/api.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "source/base/log.h"
#include "source/base/random.h"
#include "source/join/later_offer.h"
#include "source/rooms/name.h"

namespace sluice::join {
namespace {

// RFC 8445 section 5.3 requires at least 4 and 22 characters.
constexpr size_t kUfragLength = 8;
constexpr size_t kPasswordLength = 24;
constexpr size_t kCnameLength = 16;

http::Response unauthorized(const Error& error) {
  http::Response response = http::error(401, error.message, error.path);
  response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

// Escapes the only character of ice-char that a query cannot contain literally, and the one that would look
// like a path separator.
std::string escapeIceText(std::string_view text) {
  std::string escaped;
  for (const char c : text) escaped += c == '+' ? "%2B" : c == '/' ? "%2F" : std::string(1, c);
  return escaped;
}

// The session id in the Location stays the same for the life of the connection: a late DELETE of an old
// connection does not end the player's new one, and a client sees whether its ICE restart was accepted.
http::Response answerWith(const rooms::Player& player, std::string answer) {
  const std::string location = "/v1/rooms/" + player.room->name() + "/players/" + player.id +
                               "?session=" + escapeIceText(player.negotiated.local.ufrag);
  return {.status = 201,
          .content_type = "application/sdp",
          .body = std::move(answer),
          .headers = {{"Location", location}}};
}

// The error response if there is no such player, or if its connection is not the one that the request names.
std::optional<http::Response> isMissing(const rooms::PlayerPtr& player, const http::Request& request) {
  if (!player) return http::error(404, "no such player", "player");
  const std::string_view session = request.queryParameter("session");
  if (session.empty() || session == player->negotiated.local.ufrag) return std::nullopt;
  return http::error(404, "the player has joined again", "session");
}

constexpr size_t kMaxSubscribers = 4;  // per player; a further one replaces one of them

audibility::SnapshotPtr withoutRules(std::string_view /*room*/) {
  return nullptr;
}

bool isRate(std::string_view text, unsigned& out) {
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, out);
  return parsed.ec == std::errc() && parsed.ptr == end && out >= 1 && out <= AudibleFeed::kMaxRate;
}

nlohmann::json profileJson(const rooms::VoiceProfile& profile) {
  return {{"bandwidth_hz", profile.bandwidth_hz},
          {"frame_ms", profile.frame_ms},
          {"fec", profile.fec},
          {"expected_loss_percent", profile.expected_loss_percent},
          {"bitrate_bps", profile.bitrate_bps}};
}

}  // namespace

Api::Api(rooms::Directory& directory, const Clock& clock, const rooms::Fingerprint& certificate,
         Options options, AudibleFeed::Snapshots snapshots, std::function<int64_t()> unix_time)
    : directory_(directory),
      clock_(clock),
      certificate_(certificate),
      unix_time_(unix_time
                     ? std::move(unix_time)
                     : [] { return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()); }),
      options_(std::move(options)),
      pages_(options_.page_directory),
      cors_(options_.allowed_origins),
      audible_feed_(directory, clock, snapshots ? std::move(snapshots) : withoutRules) {
  directory_.addObserver(*this);
  using http::Parameters;
  using http::Request;
  router_.add("GET", "/v1/rooms", [this](const Request& r, const Parameters&) { return listRooms(r); });
  router_.add("GET", "/v1/rooms/{room}",
              [this](const Request& r, const Parameters& p) { return showRoom(r, p); });
  constexpr std::string_view kPlayer = "/v1/rooms/{room}/players/{player}";
  router_.add(
      "POST", kPlayer, [this](const Request& r, const Parameters& p) { return join(r, p); },
      [this](const Request& r, const Parameters& p) { return refuseJoin(r, p); });
  router_.add("DELETE", kPlayer, [this](const Request& r, const Parameters& p) { return leave(r, p); });
  router_.add("GET", "/v1/rooms/{room}/players/{player}/turn",
              [this](const Request& r, const Parameters& p) { return turnCredentials(r, p); });
  router_.add("GET", "/v1/rooms/{room}/players/{player}/events",
              [this](const Request& r, const Parameters& p) { return events(r, p); });
  router_.add("GET", "/{page...}",
              [this](const Request&, const Parameters& p) { return pages_.get(p.at("page")); });
}

Api::~Api() {
  directory_.removeObserver(*this);
}

http::Response Api::handle(const http::Request& request) {
  if (auto refused = refuseOtherSite(request)) return *std::move(refused);
  return router_.handle(request);
}

std::optional<http::Response> Api::refuse(const http::Request& request) const {
  if (auto refused = refuseOtherSite(request)) return refused;
  return router_.refuse(request);
}

std::optional<http::Response> Api::refuseOtherSite(const http::Request& request) const {
  if (!options_.token_secrets.empty() || !request.path.starts_with("/v1/")) return std::nullopt;
  if (options_.hosts.contains(request.header("host"))) return std::nullopt;
  return http::error(403, "is not a name of this endpoint; see join.allowed_hosts", "Host");
}

double Api::costOf(const http::Request& request) {
  return request.path.starts_with("/v1/") ? 1 : 0.1;
}

void Api::finish(const http::Request& request, http::Response& response) const {
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  if (!request.path.starts_with("/v1/")) return;
  response.headers.emplace_back("Cache-Control", "no-store");
  cors_.finish(request, response);
}

void Api::configure(Options options) {
  options_ = std::move(options);
  pages_ = Pages(options_.page_directory);
  cors_ = Cors(options_.allowed_origins);
}

std::optional<http::Response> Api::refuse(const http::Request& request, std::string_view room,
                                          std::string_view player) const {
  if (!rooms::isName(room)) return http::error(400, rooms::kNameRule, "room");
  if (!player.empty() && !rooms::isName(player)) {
    return http::error(400, rooms::kNameRule, "player");
  }
  if (options_.token_secrets.empty()) return std::nullopt;
  const auto claims = verifyToken(request.header("authorization"), options_.token_secrets, unix_time_());
  if (!claims) return unauthorized(claims.error());
  if (claims->room != room) return http::error(403, "the token is for another room", "room");
  if (!player.empty() && claims->player != player) {
    return http::error(403, "the token is for another player", "player");
  }
  return std::nullopt;
}

std::optional<http::Response> Api::refuseJoin(const http::Request& request,
                                              const http::Parameters& parameters) const {
  const std::string& id = parameters.at("player");
  if (id.empty()) return http::error(400, "must not be empty", "player");
  if (auto refused = refuse(request, parameters.at("room"), id)) return refused;
  if (request.contentType() != "application/sdp") {
    return http::error(415, "must be application/sdp", "content-type");
  }
  const rooms::PlayerPtr known = directory_.find(parameters.at("room"), id);
  if (!request.queryParameter("session").empty()) return isMissing(known, request);
  if (draining_ && !known) return http::error(503, "draining: no new players");
  return std::nullopt;
}

http::Response Api::join(const http::Request& request, const http::Parameters& parameters) {
  const std::string& room = parameters.at("room");
  const std::string& id = parameters.at("player");
  const auto offer = sdp::parseOffer(request.body);
  if (!offer) return http::error(400, offer.error().message, offer.error().path);
  if (const rooms::PlayerPtr known = directory_.find(room, id)) {
    if (auto response = answerLater(known, *offer, request)) return *std::move(response);
  }
  if (draining_) return http::error(503, "draining: no new players");
  const sdp::Local local = makeLocal(*offer);
  auto agreement = sdp::negotiate(*offer, local);
  if (!agreement) return http::error(400, agreement.error().message, agreement.error().path);
  const auto player = directory_.join(room, id, std::move(agreement->negotiated));
  if (!player) return http::error(503, player.error().message, player.error().path);
  (*player)->signalled.origin = agreement->origin;
  (*player)->signalled.answer_id = local.session_id;

  log::info("{} joined {} from {}", id, room, request.peer);
  return answerWith(**player, std::move(agreement->answer));
}

std::optional<http::Response> Api::answerLater(const rooms::PlayerPtr& player, const sdp::Offer& offer,
                                               const http::Request& request) {
  auto later = answerLaterOffer(*player, offer, makeLocal(offer));
  if (!later) return std::nullopt;
  const rooms::Negotiated& agreed = later->agreement.negotiated;
  player->signalled.origin = later->agreement.origin;
  ++player->signalled.answer_version;
  if (later->restarts_ice) {
    directory_.restartIce(player, agreed.local, agreed.remote);
    log::info("{} in {} restarted ICE from {}", player->id, player->room->name(), request.peer);
  }
  return answerWith(*player, std::move(later->agreement.answer));
}

http::Response Api::leave(const http::Request& request, const http::Parameters& parameters) {
  const std::string& room = parameters.at("room");
  const std::string& id = parameters.at("player");
  if (id.empty()) return http::error(400, "must not be empty", "player");
  if (auto refused = refuse(request, room, id)) return *refused;
  const rooms::PlayerPtr player = directory_.find(room, id);
  if (auto missing = isMissing(player, request)) return *missing;
  directory_.leave(player);
  log::info("{} left {}", id, room);
  return {.status = 204};
}

http::Response Api::events(const http::Request& request, const http::Parameters& parameters) {
  const std::string& room = parameters.at("room");
  const std::string& id = parameters.at("player");
  if (id.empty()) return http::error(400, "must not be empty", "player");
  if (auto refused = refuse(request, room, id)) return *refused;
  const rooms::PlayerPtr player = directory_.find(room, id);
  if (auto missing = isMissing(player, request)) return *missing;
  const std::string_view rate_text = request.queryParameter("audible_hz");
  unsigned rate = 0;
  if (!rate_text.empty() && !isRate(rate_text, rate)) {
    return http::error(400, "must be 1 to " + std::to_string(AudibleFeed::kMaxRate), "audible_hz");
  }
  // Names are known to others; the session is known to the player alone.
  if (rate > 0 && options_.token_secrets.empty() && request.queryParameter("session").empty()) {
    return http::error(403, "is required with audible_hz where there are no tokens", "session");
  }
  std::erase_if(subscribers_, [](const auto& subscriber) { return subscriber.second->ended(); });
  if (subscribers_.count(player) >= kMaxSubscribers) subscribers_.find(player)->second->end();
  auto stream = std::make_shared<http::EventStream>();
  subscribers_.emplace(player, stream);
  stream->beat();  // confirms the subscription to the client
  if (draining_) stream->send("draining", draining_event_);
  if (player->advice) stream->send("profile", profileJson(*player->advice).dump());
  room_feed_.subscribe(room, stream);
  if (rate > 0) audible_feed_.subscribe(player, stream, rate);
  return http::events(std::move(stream));
}

void Api::onLeft(const rooms::PlayerPtr& player) {
  audible_feed_.forget(*player);
  const std::string event = nlohmann::json{{"reason", rooms::name(player->departure)}}.dump();
  const auto [begin, end] = subscribers_.equal_range(player);
  for (auto it = begin; it != end; ++it) {
    it->second->send("left", event);
    it->second->end();
  }
  subscribers_.erase(begin, end);
}

void Api::drain(std::optional<Duration> limit) {
  draining_ = true;
  nlohmann::json event = nlohmann::json::object();
  if (limit) event["ends_within_s"] = std::chrono::duration_cast<std::chrono::seconds>(*limit).count();
  draining_event_ = event.dump();
  for (const auto& [player, stream] : subscribers_) stream->send("draining", draining_event_);
}

void Api::onAdvised(const rooms::PlayerPtr& player, const rooms::VoiceProfile& profile) {
  const auto [begin, end] = subscribers_.equal_range(player);
  for (auto it = begin; it != end; ++it) it->second->send("profile", profileJson(profile).dump());
}

// In the format of draft-uberti-behave-turn-rest. The credentials expire no later than the token.
http::Response Api::turnCredentials(const http::Request& request, const http::Parameters& parameters) const {
  const std::string& room = parameters.at("room");
  const std::string& id = parameters.at("player");
  if (id.empty()) return http::error(400, "must not be empty", "player");
  if (auto refused = refuse(request, room, id)) return *refused;
  if (options_.turn_uris.empty()) return http::error(404, "no TURN server is configured");
  int64_t latest = std::numeric_limits<int64_t>::max();
  if (!options_.token_secrets.empty()) {
    const auto claims = verifyToken(request.header("authorization"), options_.token_secrets, unix_time_());
    if (!claims) return unauthorized(claims.error());  // it has just expired
    latest = claims->expires;
  }
  const credentials::Issued issued = options_.credentials->issue(room + "/" + id, latest);
  return http::json(200, {{"username", issued.username},
                          {"password", issued.password},
                          {"ttl", issued.ttl.count()},
                          {"uris", options_.turn_uris}});
}

http::Response Api::listRooms(const http::Request& request) const {
  std::optional<std::string> only;  // with tokens, a caller sees only the room that it may enter
  if (!options_.token_secrets.empty()) {
    auto claims = verifyToken(request.header("authorization"), options_.token_secrets, unix_time_());
    if (!claims) return unauthorized(claims.error());
    only = claims->room;
  }
  nlohmann::json list = nlohmann::json::array();
  for (const auto& view : directory_.rooms()) {
    if (only && view.room->name() != *only) continue;
    list.push_back({{"room", view.room->name()}, {"players", view.players.size()}});
  }
  return http::json(200, {{"rooms", list}});
}

http::Response Api::showRoom(const http::Request& request, const http::Parameters& parameters) const {
  const std::string& room = parameters.at("room");
  if (auto refused = refuse(request, room, "")) return *refused;
  const std::vector<rooms::PlayerPtr> players = directory_.players(room);
  if (players.empty()) return http::error(404, "no such room", "room");
  nlohmann::json list = nlohmann::json::array();
  for (const rooms::PlayerPtr& player : players) list.push_back(describe(*player));
  return http::json(200, {{"room", room}, {"players", list}});
}

nlohmann::json Api::describe(const rooms::Player& player) const {
  const rooms::Observed& observed = player.observed;
  const auto read = [](const auto& value) { return value.load(std::memory_order_relaxed); };
  const auto percent = [](double share) { return std::round(share * 1000) / 10; };
  const PlayerState state = stateOf(player, clock_.now());
  return {
      {"id", player.id},
      {"connected", state.connected},
      {"ssrc", read(observed.ssrc)},
      {"csrc", state.csrc},
      {"microphone", state.microphone},
      {"talking", state.talking},
      {"slots", player.negotiated.slots.size()},
      {"packets_in", read(observed.packets_in)},
      {"packets_out", read(observed.packets_out)},
      {"rtt_ms", std::chrono::duration<double, std::milli>(player.line.roundTrip()).count()},
      {"loss_percent", percent(player.line.downlinkLoss())},
      {"uplink_loss_percent", percent(player.line.uplinkLoss())},
      {"profile", player.advice ? profileJson(*player.advice) : nlohmann::json()},
  };
}

sdp::Local Api::makeLocal(const sdp::Offer& offer) const {
  sdp::Local local;
  local.ice = {randomIceString(kUfragLength), randomIceString(kPasswordLength)};
  local.fingerprint = certificate_;
  local.candidates = options_.candidates;
  local.cname = randomIceString(kCnameLength);
  local.session_id = randomU64();
  local.repair = options_.repair;
  // The server's SSRCs and the client's share one RTP session, in which each must be unique (RFC 3550 section
  // 8).
  std::set<uint32_t> used{0};
  for (const sdp::Media& media : offer.media) used.insert(media.ssrcs.begin(), media.ssrcs.end());
  local.next_ssrc = [used = std::move(used)]() mutable {
    uint32_t ssrc = randomU32();
    while (!used.insert(ssrc).second) ssrc = randomU32();
    return ssrc;
  };
  return local;
}

}  // namespace sluice::join
