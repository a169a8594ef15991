// The filter interface: what someone who extends Sluice implements.
//
// A filter owns a packet while it holds it. It passes it on, drops it with a reason, consumes it (it was
// meant for this filter), or keeps it and passes it on later. Ingress runs from the client inward in config
// order, egress backwards. A session's chain runs on one thread, its worker's; nothing here needs a lock.
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

// A filter's destructor ends or passes on every packet that it holds; its neighbours are still there.
class Filter {
 public:
  explicit Filter(FilterContext& context) : context_(context) {}
  virtual ~Filter() = default;

  virtual void onIngress(PacketPtr&& packet) { context_.ingress(std::move(packet)); }
  virtual void onEgress(PacketPtr&& packet) { context_.egress(std::move(packet)); }

  // The client proved who it is, from this address (an authenticated check). Called on every filter of the
  // chain, outermost first, once per address; and on a filter that a reload brings into a proven session's
  // chain.
  virtual void onAuthenticated(const net::Address& /*remote*/) {}

  // The chain reads this filter's configuration anew between two packets. True: the same object goes on with
  // the new factory, which has the same type. False: replace me.
  virtual bool onReload(const FilterFactory& /*factory*/) { return false; }

  // Passes on now whatever it holds back. Between packets.
  virtual void onFlush() {}

  // Another process goes on with the session, after onFlush(): names what this filter has to take along
  // (base/archive.h), to be written on the one side and read into a fresh filter, of a configuration that may
  // be another, on the other. Between packets. False: it cannot go on elsewhere, or these are no bytes of its
  // own; the session ends. Once written, the filter is destroyed with Session::isHandedOver(), or goes on if
  // the other process fails.
  virtual bool archive(Archive& /*a*/) { return true; }

  // What an operator wants to know of this filter in this session, for GET /sessions. No secrets.
  virtual void describe(Description& /*out*/) const {}

 protected:
  FilterContext& context_;
};

using FilterPtr = std::unique_ptr<Filter>;

// One configured filter: parsed, validated, immutable, shared by all workers. Made on the main thread, where
// it may fail; stamps out filters on workers, where it may not. Outlives its filters.
class FilterFactory {
 public:
  virtual ~FilterFactory() = default;
  virtual FilterPtr create(FilterContext& context) const = 0;

  // Statistics that only this configuration knows, in place of its type's. Null: its type's.
  virtual std::shared_ptr<const stats::FilterSchema> schema() const { return nullptr; }

  // Labels of sluice_<type>_info, which tells configured filters of one type apart. None: no such metric.
  virtual Description info() const { return {}; }

  // Filters go on under `next`, but would lose something that clients notice; a dry run says so.
  virtual bool endsState(const FilterFactory& /*next*/) const { return false; }

  // Means against bad lines that clients of its chain may negotiate because of it.
  virtual rooms::RepairFeatures repairFeatures() const { return {}; }

  // `previous` came from equal configuration. False when something else that this one stands on, like a
  // cluster, has changed, so that live filters have to reload.
  virtual bool sameAs(const FilterFactory& /*previous*/) const { return true; }
};

using FilterFactoryPtr = std::shared_ptr<const FilterFactory>;

}  // namespace sluice::chain
