#include "source/runtime/stats_store.h"

#include <algorithm>

namespace sluice::runtime {
namespace {

using stats::Labels;
using stats::Samples;

template <typename Blocks, typename Read>
uint64_t sum(const Blocks& blocks, Read read) {
  uint64_t total = 0;
  for (const auto& block : blocks) total += static_cast<uint64_t>(read(block));
  return total;
}

template <typename Blocks, typename Read>
stats::HistogramSample merge(const Blocks& blocks, Read read) {
  stats::HistogramSample total;
  for (const auto& block : blocks) total.add(read(block));
  return total;
}

}  // namespace

std::vector<ListenerStats*> StatsStore::listener(const std::string& name) {
  auto& blocks = listeners_[name];
  while (blocks.size() < workers_) blocks.emplace_back();
  std::vector<ListenerStats*> pointers;
  for (ListenerStats& block : blocks) pointers.push_back(&block);
  return pointers;
}

std::vector<chain::ChainStats*> StatsStore::chain(const std::string& listener, const std::string& chain,
                                                  const std::string& version) {
  auto& blocks = chains_[{listener, chain, version}];
  while (blocks.size() < workers_) blocks.emplace_back();
  std::vector<chain::ChainStats*> pointers;
  for (chain::ChainStats& block : blocks) pointers.push_back(&block);
  return pointers;
}

std::vector<stats::FilterStats*> StatsStore::filter(const std::string& listener, const std::string& chain,
                                                    const std::string& version, const std::string& name,
                                                    const chain::FilterType& type,
                                                    std::shared_ptr<const stats::FilterSchema> schema) {
  // The type outlives the store.
  if (schema == nullptr) schema = {std::shared_ptr<const void>(), &type.schema};
  auto& kinds = filters_[{listener, chain, version, name}];
  auto kind = std::find_if(kinds.begin(), kinds.end(), [&](const Filter& known) {
    return known.type == type.name && *known.schema == *schema;
  });
  if (kind == kinds.end()) kind = kinds.insert(kinds.end(), {type.name, std::move(schema), {}});
  while (kind->blocks.size() < workers_) kind->blocks.emplace_back(*kind->schema);
  std::vector<stats::FilterStats*> pointers;
  for (stats::FilterStats& block : kind->blocks) pointers.push_back(&block);
  return pointers;
}

void StatsStore::collect(Samples& out) const {
  collectListeners(out);
  collectChains(out);
  collectFilters(out);
}

void StatsStore::collectListeners(Samples& out) const {
  for (const auto& [name, blocks] : listeners_) {
    const auto labels = [&name = name](const char* key = nullptr, std::string_view value = {}) {
      Labels all{{"listener", name}};
      if (key != nullptr) all.emplace_back(key, value);
      return all;
    };
    const auto udp = [&blocks = blocks](stats::Counter net::UdpStats::*counter) {
      return sum(blocks, [&](const ListenerStats& b) { return (b.udp.*counter).value(); });
    };
    const auto count = [&blocks = blocks](stats::Counter ListenerStats::*counter) {
      return sum(blocks, [&](const ListenerStats& b) { return (b.*counter).value(); });
    };
    using net::UdpStats;
    out.counter("sluice_listener_packets_total", "Datagrams received and sent on the listener's sockets.",
                labels("direction", "in"), udp(&UdpStats::received));
    out.counter("sluice_listener_packets_total", "", labels("direction", "out"), udp(&UdpStats::sent));
    out.counter("sluice_listener_bytes_total",
                "UDP payload bytes received and sent on the listener's sockets.", labels("direction", "in"),
                udp(&UdpStats::received_bytes));
    out.counter("sluice_listener_bytes_total", "", labels("direction", "out"), udp(&UdpStats::sent_bytes));
    constexpr const char* kDropsHelp = "Datagrams dropped before or after the filter chain, by reason.";
    for (size_t i = 0; i < kListenerDropNames.size(); ++i) {
      out.counter("sluice_listener_drops_total", kDropsHelp, labels("reason", kListenerDropNames[i]),
                  sum(blocks, [&](const ListenerStats& b) { return b.drops[i].value(); }));
    }
    out.counter("sluice_listener_drops_total", "", labels("reason", "truncated"), udp(&UdpStats::truncated));
    out.counter("sluice_listener_drops_total", "", labels("reason", "send_queue_full"),
                udp(&UdpStats::send_queue_full));
    out.counter("sluice_listener_drops_total", "", labels("reason", "send_refused"),
                udp(&UdpStats::send_refused));
    out.counter("sluice_listener_receive_stalls_total", "Receive attempts without a free packet buffer.",
                labels(), udp(&UdpStats::pool_exhausted));
    out.counter("sluice_listener_sessions_opened_total", "Sessions opened.", labels(),
                count(&ListenerStats::sessions_opened));
    out.counter("sluice_listener_sessions_evicted_total", "Sessions evicted to make room for new ones.",
                labels(), count(&ListenerStats::sessions_evicted));
    std::map<std::string_view, uint64_t> closed;
    for (const ListenerStats& block : blocks) {
      block.closed.forEach([&](std::string_view reason, uint64_t count) { closed[reason] += count; });
    }
    for (const auto& [reason, count] : closed) {
      out.counter("sluice_listener_sessions_closed_total", "Sessions that ended, by reason.",
                  labels("reason", reason), count);
    }
    out.gauge("sluice_listener_sessions", "Current sessions.", labels(),
              static_cast<double>(sum(blocks, [](const ListenerStats& b) { return b.sessions.value(); })));
    out.histogram("sluice_listener_transit_seconds",
                  "Time from a datagram's arrival to the system call that sent the resulting packet.",
                  labels(),
                  merge(
                      blocks, [](const ListenerStats& b) -> const auto& { return b.udp.transit; }));
  }
}

// A chain without versions has no version label.
Labels StatsStore::labelsOf(const std::string& listener, const std::string& chain,
                            const std::string& version) {
  Labels labels{{"listener", listener}, {"chain", chain}};
  if (!version.empty()) labels.emplace_back("version", version);
  return labels;
}

void StatsStore::collectChains(Samples& out) const {
  for (const auto& [key, blocks] : chains_) {
    const auto& [listener, chain, version] = key;
    out.gauge("sluice_chain_sessions", "Current sessions of the chain.", labelsOf(listener, chain, version),
              static_cast<double>(sum(blocks, [](const auto& block) { return block.sessions.value(); })));
  }
}

void StatsStore::collectFilters(Samples& out) const {
  for (const auto& [key, kinds] : filters_) collectFilter(key, kinds, out);
}

Labels StatsStore::labelsOf(const FilterKey& key, std::string_view label, std::string_view value) {
  const auto& [listener, chain, version, name] = key;
  Labels all = labelsOf(listener, chain, version);
  all.emplace_back("filter", name);
  if (!label.empty()) all.emplace_back(label, value);
  return all;
}

void StatsStore::collectSockets(const FilterKey& key, const std::deque<Filter>& kinds, Samples& out) {
  const bool any = std::ranges::any_of(kinds, [](const Filter& kind) { return kind.schema->sockets; });
  if (!any) return;
  const auto count = [&](const char* name, const char* help, std::string_view label, std::string_view value,
                         stats::Counter stats::SocketStats::*counter) {
    uint64_t total = 0;
    for (const Filter& kind : kinds) {
      if (!kind.schema->sockets) continue;
      total += sum(kind.blocks, [&](const auto& b) { return ((*b.sockets).*counter).value(); });
    }
    out.counter(name, help, labelsOf(key, label, value), total);
  };
  using stats::SocketStats;
  constexpr const char* kPackets = "sluice_filter_socket_packets_total";
  constexpr const char* kBytes = "sluice_filter_socket_bytes_total";
  constexpr const char* kDrops = "sluice_filter_socket_drops_total";
  count(kPackets, "Datagrams received and sent on sockets that the filter opened.", "direction", "in",
        &SocketStats::received);
  count(kPackets, "", "direction", "out", &SocketStats::sent);
  count(kBytes, "UDP payload bytes received and sent on sockets that the filter opened.", "direction", "in",
        &SocketStats::received_bytes);
  count(kBytes, "", "direction", "out", &SocketStats::sent_bytes);
  count(kDrops, "Datagrams dropped at sockets that the filter opened, by reason.", "reason", "truncated",
        &SocketStats::truncated);
  count(kDrops, "", "reason", "send_queue_full", &SocketStats::send_queue_full);
  count(kDrops, "", "reason", "send_refused", &SocketStats::send_refused);
  count("sluice_filter_socket_receive_stalls_total", "Receive attempts without a free packet buffer.", {}, {},
        &SocketStats::pool_exhausted);
}

void StatsStore::collectFilter(const FilterKey& key, const std::deque<Filter>& kinds, Samples& out) const {
  const auto with = [&](std::string_view label, std::string_view value) {
    return labelsOf(key, label, value);
  };
  const auto flow = [&](std::string_view direction, stats::Flow stats::FilterStats::*member) {
    uint64_t packets = 0, bytes = 0;
    for (const Filter& kind : kinds) {
      packets += sum(kind.blocks, [&](const auto& b) { return (b.*member).packets.value(); });
      bytes += sum(kind.blocks, [&](const auto& b) { return (b.*member).bytes.value(); });
    }
    out.counter("sluice_filter_packets_total", "Packets that entered the filter.",
                with("direction", direction), packets);
    out.counter("sluice_filter_bytes_total", "Bytes that entered the filter.", with("direction", direction),
                bytes);
  };
  flow("ingress", &stats::FilterStats::ingress);
  flow("egress", &stats::FilterStats::egress);
  // Filter types may share names of statistics.
  struct Named {
    std::string_view help;
    uint64_t count = 0;
    bool gauge = false;
  };
  std::map<std::string_view, uint64_t> drops;
  std::map<std::tuple<std::string, std::string_view, std::string_view>, Named> counters;
  std::map<std::string, std::pair<std::string_view, stats::HistogramSample>> histograms;
  for (const auto& [type, schema, blocks] : kinds) {
    const std::string prefix = "sluice_" + std::string(type) + "_";
    for (size_t i = 0; i < schema->drops.size(); ++i) {
      drops[schema->drops[i]] += sum(blocks, [&](const auto& b) { return b.drops[i].value(); });
    }
    for (size_t i = 0; i < schema->counters.size(); ++i) {
      const stats::CounterSpec& spec = schema->counters[i];
      const char* const suffix = spec.gauge ? "" : "_total";
      Named& named = counters[{prefix + std::string(spec.name) + suffix, spec.label, spec.value}];
      named.help = spec.help;
      named.gauge = spec.gauge;
      named.count += sum(blocks, [&](const auto& b) { return b.counters[i].value(); });
    }
    for (size_t i = 0; i < schema->histograms.size(); ++i) {
      const stats::HistogramSpec& spec = schema->histograms[i];
      auto& [help, sample] = histograms[prefix + std::string(spec.name) + "_seconds"];
      help = spec.help;
      for (const auto& block : blocks) sample.add(block.histograms[i]);
    }
  }
  collectSockets(key, kinds, out);
  for (const auto& [reason, count] : drops) {
    out.counter("sluice_filter_drops_total", "Packets that the filter dropped, by reason.",
                with("reason", reason), count);
  }
  for (const auto& [series, named] : counters) {
    const auto& [full_name, label, value] = series;
    if (named.gauge) {
      out.gauge(full_name, named.help, with(label, value),
                static_cast<double>(static_cast<int64_t>(named.count)));
    } else {
      out.counter(full_name, named.help, with(label, value), named.count);
    }
  }
  for (const auto& [full_name, named] : histograms) {
    out.histogram(full_name, named.first, with({}, {}), named.second);
  }
}

}  // namespace sluice::runtime
