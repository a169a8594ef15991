// The filter interface. An extension of Sluice derives from TypedFilter (typed_filter.h), which implements
// the parts that every filter would repeat.
//
// A filter owns a packet while it holds it. It passes it on, drops it with a reason, consumes it (the packet
// was meant for this filter), or holds it and passes it on later. Ingress runs from the client inward in the
// order of the configuration, egress in the reverse order. A session's chain runs on the thread of its
// worker, so nothing here needs a lock.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "source/base/archive.h"
#include "source/chain/filter_context.h"

namespace sluice::chain {

class FilterFactory;

using Description = std::vector<std::pair<std::string, std::string>>;  // field, value

// A filter's destructor settles or passes on every packet that the filter holds; its neighbours still exist.
class Filter {
 public:
  explicit Filter(FilterContext& context) : context_(context) {}
  virtual ~Filter() = default;

  // The chain counts packets without calling these in a direction that the FilterType does not declare.
  virtual void onIngress(PacketPtr&& packet) { context_.ingress(std::move(packet)); }
  virtual void onEgress(PacketPtr&& packet) { context_.egress(std::move(packet)); }

  // The client has passed an authenticated check from this address. Called on every filter of the chain,
  // outermost first, once per address, and on a filter that a reload adds to the chain of an authenticated
  // session.
  virtual void onAuthenticated(const net::Address& /*remote*/) {}

  // Called between two packets when the configuration of this filter changes. True: this object continues
  // with the new factory, which has the same type. False: the chain replaces it.
  virtual bool onReload(const FilterFactory& /*factory*/) { return false; }

  // Passes on at once every packet that the filter holds back. Called between packets.
  virtual void onFlush() {}

  // Called after onFlush(), between packets, when another process takes over the session: names the state
  // that moves (base/archive.h). It is written in the old process and read into a new filter in the other
  // one, whose configuration may differ. False: the session cannot be handed over, or the bytes are not
  // valid, and the session ends. Once written, the filter is destroyed with Session::isHandedOver() true, or
  // continues if the other process fails.
  virtual bool archive(Archive& /*a*/) { return true; }

  // The state of this filter in this session that GET /sessions shows. No secrets.
  virtual void describe(Description& /*out*/) const {}

 private:
  FilterContext& context_;
};

using FilterPtr = std::unique_ptr<Filter>;

// One configured filter: parsed, validated, immutable, shared by all workers. Made on the main thread, where
// it may fail; create() runs on workers, where it may not. Outlives its filters.
class FilterFactory {
 public:
  virtual ~FilterFactory() = default;
  virtual FilterPtr create(FilterContext& context) const = 0;

  // Statistics that depend on the configuration. Null: those of the filter type.
  virtual std::shared_ptr<const stats::FilterSchema> schema() const { return nullptr; }

  // Labels of sluice_<type>_info, which distinguishes configured filters of one type. Empty: no such metric.
  virtual Description info() const { return {}; }

  // True if filters continue under `next` but lose state in a way that clients notice; a dry run reports it.
  virtual bool endsState(const FilterFactory& /*next*/) const { return false; }

  // `previous` was made from an equal configuration. False if something else that this factory depends on,
  // such as a cluster, has changed, so that live filters have to reload.
  virtual bool sameAs(const FilterFactory& /*previous*/) const { return true; }
};

using FilterFactoryPtr = std::shared_ptr<const FilterFactory>;

}  // namespace sluice::chain
