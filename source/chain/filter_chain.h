// The filters of one session, wired in order. Both ends are the session's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "source/chain/filter.h"
#include "source/chain/filter_spec.h"

namespace sluice::chain {

class ChainEnds {
 public:
  virtual ~ChainEnds() = default;
  // Left the chain inward: no filter took it.
  virtual void onInnerEnd(PacketPtr&& packet) = 0;
  // Left the chain outward: send it to the client.
  virtual void onOuterEnd(PacketPtr&& packet) = 0;
};

// One filter on its way to another process.
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

  // Changes to a new configuration between packets. Filters are matched by name and type: the same factory
  // keeps the filter untouched; else the filter itself adopts the new factory, or is replaced. Others are
  // inserted and removed.
  void adopt(ChainSpecPtr spec);

  // No filter holds a packet back any longer, but for what comes afterwards.
  void flush();
  // For another process, and in it on a chain that is new. Filters are matched by name and type; others begin
  // anew. The error's path is the filter that cannot go on.
  Result<std::vector<SavedFilter>> save(Descriptors& descriptors);
  Status load(const std::vector<SavedFilter>& saved, Descriptors& descriptors);

  const ChainSpec& spec() const { return *spec_; }

  // Calls `visit(name, filter)` for each filter, outermost first.
  template <typename Visit>
  void forEach(Visit visit) const {
    for (const Link& link : links_) visit(link.name, *link.filter);
  }

 private:
  friend class FilterContext;
  struct Link {
    std::unique_ptr<FilterContext> context;
    FilterPtr filter;  // goes before its context
    const FilterType* type;
    FilterFactoryPtr factory;
    std::string name;
  };

  Link make(const FilterSpec& spec);
  Link takeOrMake(std::vector<Link>& old, const FilterSpec& spec);
  void retire(Link link, const std::vector<FilterContext*>& order, size_t position);
  void wire();
  void enterIngress(FilterContext* next, PacketPtr&& packet);
  void enterEgress(FilterContext* next, PacketPtr&& packet);

  ChainSpecPtr spec_;
  ChainEnds& ends_;
  Session& session_;
  Worker& worker_;
  std::vector<Link> links_;  // outermost first
};

}  // namespace sluice::chain
