#include "source/reload/reload_plan.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "source/chain/filter_type.h"

namespace sluice::reload {
namespace {

using nlohmann::json;
using Filters = std::vector<chain::FilterSpec>;

using Chains = std::vector<chain::ChainSpecPtr>;

// Null if there is none.
const chain::ChainSpec* find(const Chains& chains, const chain::ChainSpec& wanted) {
  const auto found = std::ranges::find_if(
      chains, [&](const auto& c) { return c->name == wanted.name && c->version == wanted.version; });
  return found == chains.end() ? nullptr : found->get();
}

double shareOf(const chain::ChainSpec& chain) {
  return static_cast<double>(chain.end_bucket - chain.first_bucket) / chain::ChainSpec::kBuckets;
}

const chain::FilterSpec* find(const Filters& filters, const chain::FilterSpec& wanted) {
  const auto found =
      std::find_if(filters.begin(), filters.end(), [&](const auto& f) { return f.name == wanted.name; });
  return found == filters.end() ? nullptr : &*found;
}

// The filters of `from` that are also in `other`, in the order of `from`.
std::vector<std::string> common(const Filters& from, const Filters& other) {
  std::vector<std::string> names;
  for (const chain::FilterSpec& filter : from) {
    if (find(other, filter) != nullptr) names.push_back(filter.name);
  }
  return names;
}

json planFilters(const Filters& before, const Filters& after) {
  json out = json::array();
  const auto add = [&](const chain::FilterSpec& filter, const char* change) {
    out.push_back({{"name", filter.name}, {"type", filter.type->name}, {"change", change}});
  };
  for (const chain::FilterSpec& filter : after) {
    const chain::FilterSpec* known = find(before, filter);
    const bool same_type = known != nullptr && known->type == filter.type;
    add(filter, known == nullptr                   ? "inserted"
                : !same_type                       ? "replaced"
                : known->factory != filter.factory ? "reconfigured"
                                                   : "kept");
    if (same_type && known->factory->endsState(*filter.factory)) out.back()["ends_state"] = true;
  }
  for (const chain::FilterSpec& filter : before) {
    if (find(after, filter) == nullptr) add(filter, "removed");
  }
  return out;
}

json planChain(const chain::ChainSpec* before, const chain::ChainSpec* after) {
  const chain::ChainSpec& shown = after != nullptr ? *after : *before;
  json out{{"name", shown.name}, {"sessions", 0}, {"sessions_ending", 0}};
  if (!shown.version.empty()) {
    out["version"] = shown.version;
    out["share"] = after != nullptr ? shareOf(*after) : 0;
  }
  if (before == nullptr || after == nullptr) {
    out["change"] = after == nullptr ? "removed" : "added";
    return out;
  }
  out["filters"] = planFilters(before->filters, after->filters);
  const bool all_kept =
      std::ranges::all_of(out["filters"], [](const json& f) { return f["change"] == "kept"; });
  const bool reordered = common(before->filters, after->filters) != common(after->filters, before->filters);
  if (reordered) out["reordered"] = true;
  const bool shifted = shareOf(*before) != shareOf(*after);
  out["change"] = all_kept && !reordered && !shifted ? "kept" : "changed";
  return out;
}

json planListener(const runtime::ListenerSpec* before, const runtime::ListenerSpec* after) {
  const runtime::ListenerSpec& shown = after != nullptr ? *after : *before;
  json out{{"name", shown.name}, {"sessions", 0}, {"sessions_ending", 0}, {"chains", json::array()}};
  static const Chains kNone;
  const auto& old_chains = before != nullptr ? before->chains : kNone;
  const auto& new_chains = after != nullptr ? after->chains : kNone;
  for (const auto& chain : new_chains) {
    out["chains"].push_back(planChain(find(old_chains, *chain), chain.get()));
  }
  for (const auto& chain : old_chains) {
    if (find(new_chains, *chain) == nullptr) out["chains"].push_back(planChain(chain.get(), nullptr));
  }
  if (before == nullptr || after == nullptr) {
    out["change"] = after == nullptr ? "removed" : "added";
    return out;
  }
  const auto list = [&](const char* name, const auto& from, const auto& other) {
    for (const net::Address& address : from) {
      const bool is_there = std::find(other.begin(), other.end(), address) != other.end();
      if (!is_there) out[name].push_back(address.toString());
    }
  };
  list("addresses_added", after->addresses, before->addresses);
  list("addresses_removed", before->addresses, after->addresses);
  const bool kept = std::ranges::all_of(out["chains"], [](const json& c) { return c["change"] == "kept"; });
  const bool moved = out.contains("addresses_added") || out.contains("addresses_removed");
  out["change"] = kept && !moved ? "kept" : "changed";
  return out;
}

json* findNamed(json& list, const std::string& name, const std::string& version = {}) {
  const auto found = std::ranges::find_if(list, [&](const json& entry) {
    return entry["name"] == name && entry.value("version", "") == version;
  });
  return found == list.end() ? nullptr : &*found;
}

// The chain that would serve the session; null if it would end.
const chain::ChainSpec* chainFor(const LiveSession& session, const runtime::Generation& after,
                                 const std::vector<net::Address>& lost) {
  const bool moved_away = std::ranges::any_of(session.bound, [&](const net::Address& address) {
    return std::ranges::find(lost, address) != lost.end();
  });
  const runtime::ListenerSpec* listener = after.find(session.listener);
  for (const auto& other : after.listeners) {  // the listener that has its address then, if not its own
    if (listener != nullptr) break;
    const bool has = std::ranges::any_of(session.bound, [&](const net::Address& address) {
      return std::ranges::find(other->addresses, address) != other->addresses.end();
    });
    if (has) listener = other.get();
  }
  if (moved_away || listener == nullptr) return nullptr;
  const auto chain = std::ranges::find_if(
      listener->chains, [&](const auto& c) { return c->name == session.chain && c->serves(session.bucket); });
  return chain == listener->chains.end() ? nullptr : chain->get();
}

void increment(json& number) {
  number = number.get<size_t>() + 1;
}

}  // namespace

json planReload(const runtime::Generation& before, const runtime::Generation& after,
                const std::vector<LiveSession>& live, const std::vector<net::Address>& lost) {
  json listeners = json::array();
  for (const auto& listener : after.listeners) {
    listeners.push_back(planListener(before.find(listener->name), listener.get()));
  }
  for (const auto& listener : before.listeners) {
    if (after.find(listener->name) == nullptr) listeners.push_back(planListener(listener.get(), nullptr));
  }
  size_t ending = 0, moving = 0;
  for (const LiveSession& session : live) {
    json* listener = findNamed(listeners, session.listener);
    json* chain =
        listener != nullptr ? findNamed((*listener)["chains"], session.chain, session.version) : nullptr;
    if (chain == nullptr) continue;  // it is on a chain of neither configuration
    const chain::ChainSpec* next = chainFor(session, after, lost);
    const bool ends = next == nullptr;
    ending += ends;
    moving += !ends && next->version != session.version;
    for (json* entry : {listener, chain}) {
      increment((*entry)["sessions"]);
      if (ends) increment((*entry)["sessions_ending"]);
    }
  }
  return {{"generation", before.version},
          {"sessions", live.size()},
          {"sessions_ending", ending},
          {"sessions_moving", moving},
          {"listeners", std::move(listeners)}};
}

namespace {

std::string describeSetting(const json& setting) {
  std::string text = setting["field"].get<std::string>() + ": " + setting["change"].get<std::string>();
  if (setting.contains("from")) text += ", from " + setting["from"].get<std::string>();
  if (setting.contains("to"))
    text += (setting.contains("from") ? " to " : ", ") + setting["to"].get<std::string>();
  return text + "; takes effect " + setting["takes_effect"].get<std::string>() + "\n";
}

}  // namespace

std::string describePlan(const json& plan) {
  const auto count = [](const json& number, const char* what) {
    return std::to_string(number.get<size_t>()) + " " + what + (number == 1 ? "" : "s");
  };
  const auto line = [&](const char* indent, const json& entry, const std::string& what) {
    std::string text = indent + what + " " + entry["name"].get<std::string>();
    if (entry.contains("version")) text += " " + entry["version"].get<std::string>();
    text += ": " + entry["change"].get<std::string>();
    if (entry.contains("share")) {
      text += ", share " + std::to_string(std::lround(entry["share"].get<double>() * 100)) + " %";
    }
    if (entry.value("reordered", false)) text += ", in another order";
    if (entry.value("ends_state", false)) text += ", its clients would LOSE STATE";
    if (entry.contains("sessions")) text += ", " + count(entry["sessions"], "session");
    if (entry.value("sessions_ending", 0) > 0) {
      text += ", " + std::to_string(entry["sessions_ending"].get<size_t>()) + " would END";
    }
    return text + "\n";
  };
  std::string text;
  for (const json& listener : plan["listeners"]) {
    if (listener["change"] == "kept") continue;
    text += line("", listener, "listener");
    for (const char* which : {"addresses_added", "addresses_removed"}) {
      for (const json& address : listener.value(which, json::array())) {
        text += std::string("  ") + which + ": " + address.get<std::string>() + "\n";
      }
    }
    for (const json& chain : listener["chains"]) {
      if (chain["change"] == "kept") continue;
      text += line("  ", chain, "chain");
      for (const json& filter : chain.value("filters", json::array())) {
        if (filter["change"] != "kept") text += line("    ", filter, "filter");
      }
    }
  }
  if (text.empty()) text = "no listener, chain or filter would change\n";
  for (const json& setting : plan.value("settings", json::array())) text += describeSetting(setting);
  text += count(plan["sessions"], "session");
  if (plan["sessions_moving"] > 0) {
    text += ", " + std::to_string(plan["sessions_moving"].get<size_t>()) + " would move to another version";
  }
  return text + ", " + std::to_string(plan["sessions_ending"].get<size_t>()) + " would end\n";
}

}  // namespace sluice::reload
