// Introspection: the read-only part of the admin endpoint.
#include <google/protobuf/util/json_util.h>
#include <unistd.h>

#include <future>
#include <iterator>

#include "source/base/version.h"
#include "source/config/load.h"
#include "source/config/secrets.h"
#include "source/server/server.h"
#include "source/server/settings_change.h"

namespace sluice::server {
namespace {

using nlohmann::json;

constexpr auto kWorkerPatience = std::chrono::seconds{2};

json describe(const runtime::Session& session, unsigned worker, Instant now) {
  const auto ms = [&](Instant since) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(now - since).count();
  };
  json out{{"id", session.id()},
           {"worker", worker},
           {"listener", session.port().listener->name},
           {"chain", session.chain().spec().name},
           {"remote", session.remote().toString()},
           {"local", session.local().toString()},
           {"authenticated", session.chain().spec().authenticates ? json(session.isAuthenticated()) : json()},
           {"generation", session.generation()},
           {"age_ms", ms(session.created())},
           {"idle_ms", ms(session.lastActivity())},
           {"packets_in", session.packetsIn()},
           {"packets_out", session.packetsOut()},
           {"drops", json::array()}};
  for (const chain::NamedDrops& drops : session.drops()) {
    json& shown = out["drops"].emplace_back();
    if (!drops.filter.empty()) shown["filter"] = drops.filter;
    shown["reason"] = drops.reason;
    shown["packets"] = drops.packets;
  }
  if (const std::string& version = session.chain().spec().version; !version.empty()) out["version"] = version;
  for (const runtime::Tuple& tuple : session.tuples()) {
    out["addresses"].push_back({{"remote", tuple.remote.toString()}, {"authenticated", tuple.authenticated}});
  }
  if (const auto& player = session.player()) {
    out["room"] = player->room->name();
    out["player"] = player->id;
    out["player_number"] = player->number;
    out["rtt_ms"] = player->observed.rtt_us.load(std::memory_order_relaxed) / 1000.0;
  }
  session.chain().forEach([&](const std::string& name, const chain::Filter& filter) {
    chain::Description description;
    filter.describe(description);
    json& fields = out["filters"][name] = json::object();
    for (const auto& [field, value] : description) fields[field] = value;
  });
  return out;
}

bool matches(const runtime::Session& session, const admin::Backend::SessionQuery& query) {
  const auto is = [](const std::string& wanted, const std::string& name) {
    return wanted.empty() || wanted == name;
  };
  const auto& player = session.player();
  if (player == nullptr && (!query.player.empty() || !query.room.empty())) return false;
  return is(query.listener, session.port().listener->name) && is(query.chain, session.chain().spec().name) &&
         (player == nullptr || (is(query.player, player->id) && is(query.room, player->room->name())));
}

// A filter's field that ends with ".speaker" is the number of a player; its name is added next to it.
void nameSpeakers(json& session, const std::map<std::string, std::string>& names) {
  static constexpr std::string_view kSpeaker = ".speaker";
  for (auto& [filter, fields] : session["filters"].items()) {
    const json shown = fields;
    for (const auto& [field, value] : shown.items()) {
      if (!field.ends_with(kSpeaker) || !value.is_string()) continue;
      const auto name = names.find(value.get<std::string>());
      const std::string before = field.substr(0, field.size() - kSpeaker.size());
      if (name != names.end()) fields[before + ".player"] = name->second;
    }
  }
}

}  // namespace

json Server::serverInfo() const {
  const auto uptime = std::chrono::duration_cast<std::chrono::seconds>(clock_.now() - started_).count();
  return {{"version", kVersion},
          {"process", getpid()},
          {"state", draining_ ? "draining" : "serving"},
          {"uptime_s", uptime},
          {"workers", group_.workers.size()},
          {"generation", version_},
          {"sessions", group_.total_sessions.load(std::memory_order_relaxed)},
          {"config", options_.config},
          {"external_addresses", externalAddresses()}};
}

// Our external addresses, if there is a NAT.
json Server::externalAddresses() const {
  json out = json::object();
  for (const auto& [local, external] : settings_.nat.addresses->entries()) {
    out[local.ipString()] = external.ipString();
  }
  return out;
}

json Server::configDump() const {
  Bootstrap shown = bootstrap_;
  config::hideSecrets(shown);
  std::string text;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  const auto status = google::protobuf::util::MessageToJsonString(shown, &text, options);
  if (!status.ok()) return {{"error", std::string(status.message())}};
  return {{"generation", version_}, {"bootstrap", json::parse(text)}};
}

json Server::listeners() const {
  json out = json::array();
  for (const auto& listener : generation_->listeners) {
    json entry{{"name", listener->name}, {"addresses", json::array()}, {"filter_chains", json::array()}};
    for (const net::Address& address : ports_.addresses(listener->name)) {
      entry["addresses"].push_back(address.toString());
    }
    for (const auto& chain : listener->chains) {
      json filters = json::array();
      for (const auto& filter : chain->filters)
        filters.push_back({{"name", filter.name}, {"type", filter.type->name}});
      json& shown = entry["filter_chains"].emplace_back();
      shown = {{"name", chain->name}, {"filters", std::move(filters)}};
      if (chain->version.empty()) continue;
      shown["version"] = chain->version;
      shown["share"] =
          static_cast<double>(chain->end_bucket - chain->first_bucket) / chain::ChainSpec::kBuckets;
      shown["stepped_back"] = stepped_back_.contains({listener->name, chain->name, chain->version});
    }
    out.push_back(std::move(entry));
  }
  return out;
}

// Each worker answers on its own thread while the main thread waits. Late workers are left out.
template <typename Answer, typename Ask>
std::vector<Answer> Server::askWorkers(Ask ask) const {
  std::vector<std::future<Answer>> answers;
  for (const auto& worker : group_.workers) {
    auto promise = std::make_shared<std::promise<Answer>>();
    answers.push_back(promise->get_future());
    worker->post([promise, ask, &worker] { promise->set_value(ask(*worker)); });
  }
  std::vector<Answer> out;
  for (auto& answer : answers) {
    if (answer.wait_for(kWorkerPatience) == std::future_status::ready) out.push_back(answer.get());
  }
  return out;
}

json Server::sessions(const SessionQuery& query) const {
  json all = json::array();
  std::map<std::string, std::string> names;
  for (const auto& room : rooms_.rooms()) {
    for (const auto& player : room.players) names[std::to_string(player->number)] = player->id;
  }
  const size_t limit = query.limit;
  for (json& mine : askWorkers<json>([query, limit](runtime::WorkerThread& worker) {
         json described = json::array();
         for (const auto& session : worker.dispatcher().sessions().all()) {
           if (described.size() >= limit) break;
           if (!matches(*session, query)) continue;
           described.push_back(describe(*session, worker.index(), worker.clock().now()));
         }
         return described;
       })) {
    for (json& session : mine) {
      if (all.size() == limit) break;
      nameSpeakers(session, names);
      all.push_back(std::move(session));
    }
  }
  return {{"total", group_.total_sessions.load(std::memory_order_relaxed)}, {"sessions", std::move(all)}};
}

// Builds the new configuration next to the running one and compares them.
Result<json> Server::plan(const Question& question) const {
  const bool of_file = question.text.empty();
  const auto format = question.is_json ? config::Format::kJson : config::Format::kText;
  const auto bootstrap =
      of_file ? config::loadFile(options_.config) : config::parse(question.text, format, "body");
  if (!bootstrap.ok()) return bootstrap.errors();
  auto built =
      buildPreview(*bootstrap, question.directory.empty() ? directory() : question.directory, of_file);
  if (!built.ok()) return built.errors();
  // The same name in the directory of a draft stands for the socket that the file would name after it is
  // installed.
  if (bootstrap->takeover_socket() == bootstrap_.takeover_socket()) {
    built->settings.takeover_socket = settings_.takeover_socket;
  }
  if (const Status status = checkFixed(built->settings); !status.ok()) return status.errors();
  json plan = planReload(*generation_, *built->generation, liveSessions(), ports_.lostBy(*built->generation));
  plan["settings"] = compareSettings(bootstrap_, *bootstrap);
  return plan;
}

std::vector<LiveSession> Server::liveSessions() const {
  std::vector<LiveSession> all;
  for (auto& mine : askWorkers<std::vector<LiveSession>>([](runtime::WorkerThread& worker) {
         std::vector<LiveSession> live;
         for (const auto& session : worker.dispatcher().sessions().all()) {
           LiveSession& shown = live.emplace_back();
           shown.listener = session->port().listener->name;
           shown.chain = session->chain().spec().name;
           shown.version = session->chain().spec().version;
           shown.bucket = session->bucket();
           for (const runtime::Tuple& tuple : session->tuples())
             shown.bound.push_back(tuple.port->udp->local());
         }
         return live;
       })) {
    all.insert(all.end(), std::make_move_iterator(mine.begin()), std::make_move_iterator(mine.end()));
  }
  return all;
}

void Server::collect(stats::Samples& out) const {
  stats_.collect(out);
  collectWorkers(out);
  collectRooms(out);
  collectHttp(out);
  collectRollouts(out);
  collectInfo(out);
  const auto uptime = std::chrono::duration<double>(clock_.now() - started_).count();
  out.gauge("sluice_uptime_seconds", "Time since the start.", {}, uptime);
  out.gauge("sluice_generation", "The number of the running configuration; a reload increments it.", {},
            static_cast<double>(version_));
  out.gauge("sluice_draining", "1 while no new sessions are accepted.", {}, draining_ ? 1 : 0);
  out.gauge("sluice_sessions", "Sessions on all workers.", {},
            static_cast<double>(group_.total_sessions.load(std::memory_order_relaxed)));
  out.counter("sluice_takeover_sessions_total", "Sessions of the previous process (--takeover), by result.",
              {{"result", "kept"}}, sessions_taken_.value());
  out.counter("sluice_takeover_sessions_total", "", {{"result", "ended"}}, sessions_not_taken_.value());
  out.counter("sluice_reloads_total", "Reloads, by result.", {{"result", "ok"}}, reloads_ok_.value());
  out.counter("sluice_reloads_total", "", {{"result", "refused"}}, reloads_refused_.value());
}

void Server::collectWorkers(stats::Samples& out) const {
  for (const auto& worker : group_.workers) {
    const std::string index = std::to_string(worker->index());
    const stats::Labels labels{{"worker", index}};
    out.counter("sluice_worker_busy_seconds_total", "Time that the worker did not spend waiting for events.",
                labels, std::chrono::duration<double>(worker->busy()).count());
    out.gauge("sluice_worker_busy_share",
              "Share of the last second that the worker did not spend waiting for events.", labels,
              worker->busyShare());
    out.counter("sluice_worker_pauses_total",
                "How often the worker let packets accumulate before it read them (workers.coalesce_us).",
                labels, worker->pauses());
    out.gauge("sluice_worker_packets_allocated", "Packet buffers that the worker has allocated so far.",
              labels, static_cast<double>(worker->packets().allocated()));
    out.counter("sluice_worker_packets_exhausted_total", "How often the worker had no free packet buffer.",
                labels, worker->packets().exhausted());
    out.counter("sluice_worker_packets_unaccounted_total",
                "Packets that a filter lost without giving a reason: a bug in the filter.", labels,
                worker->packets().unaccounted());
    stats::HistogramSample adoption;
    adoption.add(worker->dispatcher().adoption());
    out.histogram("sluice_worker_adoption_seconds",
                  "Time from a reload until the last session of the worker adopted it.", labels, adoption);
    out.counter("sluice_worker_inside_lost_total",
                "Hairpin packets whose destination port no longer existed when they arrived.", labels,
                worker->insideLost());
    out.counter("sluice_worker_mailbox_full_total",
                "Packets that could not be passed to another worker because its mailbox was full.", labels,
                worker->mailboxFull());
  }
}

void Server::collectHttp(stats::Samples& out) const {
  const auto collect = [&](const char* name, const http::Admission& admission) {
    out.gauge("sluice_http_connections", "Open HTTP connections, by endpoint.", {{"endpoint", name}},
              static_cast<double>(admission.connections()));
    out.gauge("sluice_http_bytes_in_flight",
              "Bytes of request bodies, responses and events that the endpoint holds for its clients.",
              {{"endpoint", name}}, static_cast<double>(admission.held()));
    for (size_t i = 0; i < http::Admission::kRefusals; ++i) {
      out.counter("sluice_http_refused_total",
                  "Connections and requests that a limit of the endpoint refused or ended, by the limit.",
                  {{"endpoint", name}, {"reason", http::Admission::kNames[i]}},
                  static_cast<double>(admission.count(static_cast<http::Admission::Refusal>(i))));
    }
  };
  collect("admin", admin_http_.admission());
  collect("join", join_http_.admission());
}

void Server::collectInfo(stats::Samples& out) const {
  for (const auto& listener : generation_->listeners) {
    for (const auto& chain : listener->chains) {
      for (const auto& filter : chain->filters) {
        const chain::Description info = filter.factory->info();
        if (info.empty()) continue;
        stats::Labels labels{{"listener", listener->name}, {"chain", chain->name}, {"filter", filter.name}};
        if (!chain->version.empty()) labels.emplace_back("version", chain->version);
        for (const auto& [label, value] : info) labels.emplace_back(label, value);
        out.gauge("sluice_" + std::string(filter.type->name) + "_info",
                  "A filter's configuration in labels; always 1.", labels, 1);
      }
    }
  }
}

void Server::collectRooms(stats::Samples& out) const {
  size_t players = 0;
  size_t connected = 0;
  const auto rooms = rooms_.rooms();
  for (const auto& room : rooms) {
    players += room.players.size();
    for (const auto& player : room.players)
      connected += player->observed.connected.load(std::memory_order_relaxed);
  }
  out.gauge("sluice_rooms", "Rooms with at least one player.", {}, static_cast<double>(rooms.size()));
  out.counter("sluice_rooms_ssrc_conflicts_total",
              "Players whose SSRC another player in the room already used.", {},
              static_cast<double>(rooms_.ssrcConflicts()));
  out.gauge("sluice_players", "Players, by state.", {{"state", "joined"}}, static_cast<double>(players));
  out.gauge("sluice_players", "", {{"state", "connected"}}, static_cast<double>(connected));
}

}  // namespace sluice::server
