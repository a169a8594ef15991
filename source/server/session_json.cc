#include "source/server/session_json.h"

#include <nlohmann/json.hpp>

#include "source/rooms/room.h"
#include "source/runtime/worker_port.h"

namespace sluice::server {

using nlohmann::json;

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
           {"age_ms", ms(session.activity().created)},
           {"idle_ms", ms(session.activity().last)},
           {"packets_in", session.activity().packets_in},
           {"packets_out", session.activity().packets_out},
           {"drops", json::array()}};
  for (const chain::NamedDrops& drops : session.drops()) {
    json& shown = out["drops"].emplace_back();
    if (!drops.filter.empty()) shown["filter"] = drops.filter;
    shown["reason"] = drops.reason;
    shown["packets"] = drops.packets;
  }
  if (const auto last = session.lastDrop()) {
    json& shown = out["last_drop"];
    if (!last->filter.empty()) shown["filter"] = last->filter;
    shown["reason"] = last->reason;
    shown["ago_ms"] = ms(last->at);
  }
  if (const std::string& version = session.chain().spec().version; !version.empty()) out["version"] = version;
  for (const runtime::Tuple& tuple : session.tuples()) {
    out["addresses"].push_back({{"remote", tuple.remote.toString()}, {"authenticated", tuple.authenticated}});
  }
  if (const auto& player = session.player()) {
    out["room"] = player->room->name();
    out["player"] = player->id;
    out["player_number"] = player->number;
    out["rtt_ms"] = std::chrono::duration<double, std::milli>(player->line.roundTrip()).count();
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
  const auto isClient = [&](const runtime::Tuple& tuple) {
    return (query.client.port() == 0 ? tuple.remote.withPort(0) : tuple.remote) == query.client;
  };
  if (query.client.isSet() && std::ranges::none_of(session.tuples(), isClient)) return false;
  return is(query.listener, session.port().listener->name) && is(query.chain, session.chain().spec().name) &&
         (player == nullptr || (is(query.player, player->id) && is(query.room, player->room->name())));
}

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

}  // namespace sluice::server
