// The filters of one session, connected in order. The session implements both ends.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "source/chain/drop_counts.h"
#include "source/chain/filter.h"
#include "source/chain/filter_spec.h"

namespace sluice::chain {

class ChainEnds {
 public:
  virtual ~ChainEnds() = default;
  // The packet passed the innermost filter: no filter took it.
  virtual void onInnerEnd(PacketPtr&& packet) = 0;
  // The packet passed the outermost filter: send it to the client.
  virtual void onOuterEnd(PacketPtr&& packet) = 0;
};

// The state of one filter during a handover to another process.
struct SavedFilter {
  std::string name;
  std::string type;
  uint32_t format = 0;
  std::string state;
  void archive(Archive& a) { a(name, type, format, state); }
};

class FilterChain {
 public:
  // `ends`, `session` and `worker` outlive the chain.
  FilterChain(ChainSpecPtr spec, ChainEnds& ends, Session& session, Worker& worker);
  ~FilterChain();
  FilterChain(const FilterChain&) = delete;
  FilterChain& operator=(const FilterChain&) = delete;

  // A packet from the client enters at the outer end; one for the client at the inner end.
  void ingress(PacketPtr&& packet);
  void egress(PacketPtr&& packet);

  void announceAuthenticated(const net::Address& remote);

  // Switches to a new configuration between packets. Filters are matched by name and type. If the factory is
  // the same, the filter is untouched; otherwise it adopts the new factory or is replaced. Other filters are
  // inserted or removed.
  void adopt(ChainSpecPtr spec);

  // Makes every filter pass on the packets that it holds. Packets that arrive later may be held again.
  void flush();
  // For a handover: save() in the old process, load() into a new chain in the other one. Filters are matched
  // by name and type; filters without a match start fresh. The path of an error is the name of the filter
  // that cannot continue.
  Result<std::vector<SavedFilter>> save(Descriptors& descriptors);
  Status load(const std::vector<SavedFilter>& saved, Descriptors& descriptors);

  const ChainSpec& spec() const { return *spec_; }

  // Counts a packet that left the chain and was dropped after it; `reason` is an index into `ends` below.
  template <typename Reason>
  void countEndDrop(Reason reason) {
    drops_.add(nullptr, static_cast<uint32_t>(reason), worker_.clock().now());
  }
  // The session's drops, in order of first occurrence. loadDrops() is for a new chain.
  std::vector<NamedDrops> drops(std::span<const std::string_view> ends) const;
  // Its last drop; nothing if it dropped nothing since the process began or took it over.
  std::optional<NamedDrop> lastDrop(std::span<const std::string_view> ends) const;
  // The last drop of each kind that occurred within this time.
  std::vector<RecentDrop> recentDrops(std::span<const std::string_view> ends, Duration within) const;
  void loadDrops(const std::vector<NamedDrops>& saved, std::span<const std::string_view> ends);

  // Calls `visit(name, filter)` for each filter, outermost first.
  template <typename Visit>
  void forEach(Visit visit) const {
    for (const Link& link : links_) visit(link.name, *link.filter);
  }

 private:
  friend class FilterContext;
  struct Link {
    std::unique_ptr<FilterContext> context;
    FilterPtr filter;  // destroyed before its context
    const FilterType* type;
    FilterFactoryPtr factory;
    std::string name;
    std::span<const std::string_view> dropReasons() const;
  };

  NamedDrops nameOf(const DropCounts::Place& place, std::span<const std::string_view> ends) const;
  Link make(const FilterSpec& spec);
  Link takeOrMake(std::vector<Link>& old, const FilterSpec& spec);
  void retire(Link link, const std::vector<FilterContext*>& order, size_t position);
  size_t indexOf(const FilterContext* context) const;  // links_.size(): it is not in the chain
  void wire();
  // To the next link to enter: from link `first` inward, or from the link before `end` outward.
  FilterContext::Hop inwardFrom(size_t first) const;
  FilterContext::Hop outwardFrom(size_t end) const;
  void enterIngress(const FilterContext::Hop& hop, PacketPtr&& packet);
  void enterEgress(const FilterContext::Hop& hop, PacketPtr&& packet);

  ChainSpecPtr spec_;
  ChainEnds& ends_;
  Session& session_;
  Worker& worker_;
  const unsigned worker_index_;
  DropCounts drops_;
  FilterContext::Hop from_client_;
  FilterContext::Hop to_client_;
  std::vector<Link> links_;  // as spec_->filters
};

}  // namespace sluice::chain
