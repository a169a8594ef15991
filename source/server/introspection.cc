#include "source/server/introspection.h"

#include <google/protobuf/util/json_util.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "source/base/version.h"
#include "source/config/load.h"
#include "source/config/secrets.h"
#include "source/reload/config_applier.h"
#include "source/reload/reload_plan.h"
#include "source/reload/settings_change.h"
#include "source/rooms/directory.h"
#include "source/runtime/query_workers.h"
#include "source/server/drain.h"
#include "source/server/metrics.h"
#include "source/server/session_json.h"

namespace sluice::server {
namespace {

using nlohmann::json;

constexpr auto kReplyTimeout = std::chrono::seconds{2};

// The external addresses of this machine, if there is a NAT.
json externalAddresses(const net::AddressMap& addresses) {
  json out = json::object();
  for (const auto& [local, external] : addresses.entries()) out[local.ipString()] = external.ipString();
  return out;
}

double secondsSince(Instant at, Instant now) {
  return std::chrono::duration<double>(now - at).count();
}

}  // namespace

bool Introspection::draining() const {
  return context_.drain.isDraining();
}

size_t Introspection::totalSessions() const {
  return context_.workers.total_sessions.load(std::memory_order_relaxed);
}

void Introspection::collect(stats::Samples& out) const {
  context_.metrics.collect(out);
}

json Introspection::serverInfo() const {
  const auto uptime =
      std::chrono::duration_cast<std::chrono::seconds>(context_.clock.now() - context_.started).count();
  return {{"version", kVersion},
          {"process", getpid()},
          {"state", draining() ? "draining" : "serving"},
          {"uptime_s", uptime},
          {"workers", context_.workers.workers.size()},
          {"generation", context_.applier.running().version},
          {"sessions", totalSessions()},
          {"config", context_.applier.file()},
          {"external_addresses", externalAddresses(*context_.applier.running().settings.nat.addresses)}};
}

json Introspection::reloads() const {
  json out = json::array();
  const Instant now = context_.clock.now();
  for (const auto& [at, why, errors] : context_.applier.outcomes()) {
    json shown = json::array();
    for (const auto& [path, message] : errors) shown.push_back({{"field", path}, {"error", message}});
    out.push_back({{"trigger", why},
                   {"result", errors.empty() ? "ok" : "refused"},
                   {"ago_s", secondsSince(at, now)},
                   {"errors", std::move(shown)}});
  }
  std::ranges::reverse(out);
  return {{"accepted", context_.applier.accepted()},
          {"refused", context_.applier.refused()},
          {"reloads", std::move(out)}};
}

json Introspection::configDump() const {
  Bootstrap shown = context_.applier.running().bootstrap;
  config::hideSecrets(shown);
  std::string text;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  const auto status = google::protobuf::util::MessageToJsonString(shown, &text, options);
  if (!status.ok()) return {{"error", std::string(status.message())}};
  return {{"generation", context_.applier.running().version}, {"bootstrap", json::parse(text)}};
}

json Introspection::listeners() const {
  json out = json::array();
  for (const auto& listener : context_.applier.running().generation->listeners) {
    json entry{{"name", listener->name}, {"addresses", json::array()}, {"filter_chains", json::array()}};
    for (const net::Address& address : context_.ports.addresses(listener->name)) {
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
      shown["stepped_back"] =
          context_.applier.environment().rolled_back.contains({listener->name, chain->name, chain->version});
    }
    out.push_back(std::move(entry));
  }
  return out;
}

json Introspection::sessions(const SessionQuery& query) const {
  json all = json::array();
  std::map<std::string, std::string> names;
  for (const auto& room : context_.rooms.rooms()) {
    for (const auto& player : room.players) names[std::to_string(player->number)] = player->id;
  }
  const size_t limit = query.limit;
  for (json& mine : runtime::queryWorkers<json>(
           context_.workers, kReplyTimeout, [query, limit](runtime::WorkerThread& worker) {
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
  return {{"total", totalSessions()}, {"sessions", std::move(all)}};
}

// Builds the new configuration next to the running one and compares them.
Result<json> Introspection::plan(const Question& question) const {
  const reload::Running& running = context_.applier.running();
  const bool of_file = question.text.empty();
  const auto format = question.is_json ? config::Format::kJson : config::Format::kText;
  const auto bootstrap =
      of_file ? config::loadFile(context_.applier.file()) : config::parse(question.text, format, "body");
  if (!bootstrap.ok()) return bootstrap.errors();
  auto built = context_.applier.preview(
      *bootstrap, question.directory.empty() ? context_.applier.directory() : question.directory, of_file);
  if (!built.ok()) return built.errors();
  // In a draft's directory, the name resolves to another path; it means the running socket, as it will once
  // the draft replaces the file.
  if (bootstrap->takeover_socket() == running.bootstrap.takeover_socket()) {
    built->settings.takeover_socket = running.settings.takeover_socket;
  }
  if (const Status status = context_.applier.checkFixed(built->settings); !status.ok())
    return status.errors();
  json plan = reload::planReload(*running.generation, *built->generation, liveSessions(),
                                 context_.ports.lostBy(*built->generation));
  plan["settings"] = reload::compareSettings(running.bootstrap, *bootstrap);
  return plan;
}

std::vector<reload::LiveSession> Introspection::liveSessions() const {
  std::vector<reload::LiveSession> all;
  for (auto& mine : runtime::queryWorkers<std::vector<reload::LiveSession>>(
           context_.workers, kReplyTimeout, [](runtime::WorkerThread& worker) {
             std::vector<reload::LiveSession> live;
             for (const auto& session : worker.dispatcher().sessions().all()) {
               reload::LiveSession& shown = live.emplace_back();
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

}  // namespace sluice::server
