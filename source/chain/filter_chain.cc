#include "source/chain/filter_chain.h"

#include <algorithm>
#include <utility>

#include "source/chain/filter_type.h"

namespace sluice::chain {

bool ChainSpec::matches(const net::Address& remote, const net::Address& local) const {
  const auto covers = [&](const net::Prefix& prefix) { return prefix.contains(remote); };
  return (source_prefixes.empty() || std::any_of(source_prefixes.begin(), source_prefixes.end(), covers)) &&
         (local_ports.empty() ||
          std::find(local_ports.begin(), local_ports.end(), local.port()) != local_ports.end());
}

void FilterContext::ingress(PacketPtr&& packet) {
  chain_.enterIngress(inward_, std::move(packet));
}
void FilterContext::egress(PacketPtr&& packet) {
  chain_.enterEgress(outward_, std::move(packet));
}
void FilterContext::announceAuthenticated(const net::Address& remote) {
  chain_.announceAuthenticated(remote);
}

FilterChain::FilterChain(ChainSpecPtr spec, ChainEnds& ends, Session& session, Worker& worker)
    : spec_(std::move(spec)), ends_(ends), session_(session), worker_(worker), worker_index_(worker.index()) {
  links_.reserve(spec_->filters.size());
  for (const FilterSpec& filter : spec_->filters) links_.push_back(make(filter));
  wire();
}

FilterChain::~FilterChain() {
  // Innermost first: packets that a filter sends from its destructor still pass the filters further out.
  while (!links_.empty()) {
    links_.back().filter.reset();
    for (Link& link : links_) {
      if (link.context->inward_.next == links_.back().context.get()) link.context->inward_ = {};
    }
    links_.pop_back();
  }
}

// Equal for filters of one type and configuration; the strings live as long as the factory.
static std::span<const std::string_view> reasonsOf(const FilterType& type, const FilterFactory& factory) {
  const auto own = factory.schema();
  return own != nullptr ? own->drops : type.schema.drops;
}

std::span<const std::string_view> FilterChain::Link::dropReasons() const {
  return reasonsOf(*type, *factory);
}

FilterChain::Link FilterChain::make(const FilterSpec& spec) {
  Link link;
  link.context =
      std::make_unique<FilterContext>(*this, session_, worker_, *spec.stats[worker_index_], drops_);
  link.filter = spec.factory->create(*link.context);
  link.context->filter_ = link.filter.get();
  link.type = spec.type;
  link.factory = spec.factory;
  link.name = spec.name;
  return link;
}

FilterChain::Link FilterChain::takeOrMake(std::vector<Link>& old, const FilterSpec& spec) {
  const auto found = std::find_if(old.begin(), old.end(), [&](const Link& link) {
    return link.filter != nullptr && link.name == spec.name && link.type == spec.type;
  });
  if (found == old.end()) return make(spec);
  stats::FilterStats* const before = std::exchange(found->context->stats_, spec.stats[worker_index_]);
  if (found->factory != spec.factory) {
    if (!std::ranges::equal(found->dropReasons(), reasonsOf(*spec.type, *spec.factory))) {
      drops_.forget(found->context.get());
    }
    if (!found->filter->onReload(*spec.factory)) {
      found->context->stats_ = before;
      return make(spec);
    }
    found->factory = spec.factory;
  }
  return std::move(*found);
}

void FilterChain::adopt(ChainSpecPtr spec) {
  if (spec == spec_) return;
  const ChainSpecPtr before = std::exchange(spec_, std::move(spec));  // until wire(), hops refer to it
  std::vector<Link> old = std::move(links_);
  std::vector<FilterContext*> order;
  for (const Link& link : old) order.push_back(link.context.get());
  links_.clear();
  links_.reserve(spec_->filters.size());
  std::vector<size_t> fresh;  // indexes of new filters
  for (const FilterSpec& filter : spec_->filters) {
    links_.push_back(takeOrMake(old, filter));
    const auto known = std::find(order.begin(), order.end(), links_.back().context.get());
    if (known == order.end()) fresh.push_back(links_.size() - 1);
  }
  wire();
  if (session_.isAuthenticated()) {
    for (const size_t i : fresh) links_[i].filter->onAuthenticated(session_.remote());
  }
  for (size_t i = 0; i < old.size(); ++i) {
    if (old[i].filter != nullptr) retire(std::move(old[i]), order, i);
  }
}

// Destroys a filter that leaves the chain: packets that it still holds go to the neighbours that stay.
void FilterChain::retire(Link link, const std::vector<FilterContext*>& order, size_t position) {
  const auto stays = [this](const FilterContext* context) { return indexOf(context) != links_.size(); };
  const auto outer = std::find_if(order.rend() - static_cast<ptrdiff_t>(position), order.rend(), stays);
  const auto inner = std::find_if(order.begin() + static_cast<ptrdiff_t>(position) + 1, order.end(), stays);
  link.context->outward_ = outwardFrom(outer == order.rend() ? 0 : indexOf(*outer) + 1);
  link.context->inward_ = inwardFrom(inner == order.end() ? links_.size() : indexOf(*inner));
  link.filter.reset();
  drops_.forget(link.context.get());
}

size_t FilterChain::indexOf(const FilterContext* context) const {
  const auto link = std::ranges::find_if(links_, [&](const Link& l) { return l.context.get() == context; });
  return static_cast<size_t>(link - links_.begin());
}

void FilterChain::flush() {
  // A packet held on its way in may be held again further in, and after that on its way out by a filter
  // further out.
  for (auto link = links_.begin(); link != links_.end(); ++link) link->filter->onFlush();
  for (auto link = links_.rbegin(); link != links_.rend(); ++link) link->filter->onFlush();
}

Result<std::vector<SavedFilter>> FilterChain::save(Descriptors& descriptors) {
  std::vector<SavedFilter> saved;
  // Innermost first: a filter that sends is saved before the filter that numbers its packets.
  for (auto link = links_.rbegin(); link != links_.rend(); ++link) {
    Archive out(descriptors);
    if (!link->filter->archive(out)) return Error{link->name, "cannot continue in another process"};
    saved.push_back({link->name, std::string(link->type->name), link->type->state_format, out.takeBytes()});
  }
  return saved;
}

Status FilterChain::load(const std::vector<SavedFilter>& saved, Descriptors& descriptors) {
  for (Link& link : links_) {
    const auto known = std::find_if(saved.begin(), saved.end(), [&](const SavedFilter& filter) {
      return filter.name == link.name && filter.type == link.type->name;
    });
    if (known == saved.end()) {
      if (session_.isAuthenticated()) link.filter->onAuthenticated(session_.remote());
      continue;
    }
    Archive in(asBytes(known->state), descriptors);
    if (known->format != link.type->state_format || !link.filter->archive(in) || !in.ok() || !in.atEnd()) {
      return Error{link.name, "its state cannot be read"};
    }
  }
  return Done{};
}

NamedDrops FilterChain::nameOf(const DropCounts::Place& place, std::span<const std::string_view> ends) const {
  const size_t link = indexOf(place.filter);
  const bool at_end = link == links_.size();
  const auto reasons = at_end ? ends : links_[link].dropReasons();
  return {at_end ? "" : links_[link].name, std::string(reasons[place.reason]), place.packets};
}

std::optional<NamedDrop> FilterChain::lastDrop(std::span<const std::string_view> ends) const {
  if (drops_.lastAt() == Instant{}) return std::nullopt;
  if (drops_.last() == nullptr) return NamedDrop{"", NamedDrops::kOther, drops_.lastAt()};
  NamedDrops named = nameOf(*drops_.last(), ends);
  return NamedDrop{std::move(named.filter), std::move(named.reason), drops_.lastAt()};
}

std::vector<NamedDrops> FilterChain::drops(std::span<const std::string_view> ends) const {
  std::vector<NamedDrops> named;
  for (const DropCounts::Place& place : drops_.places()) named.push_back(nameOf(place, ends));
  if (drops_.other() > 0) named.push_back({"", NamedDrops::kOther, drops_.other()});
  return named;
}

std::vector<RecentDrop> FilterChain::recentDrops(std::span<const std::string_view> ends,
                                                 Duration within) const {
  std::vector<RecentDrop> recent;
  for (const DropCounts::Place& place : drops_.places()) {
    const auto ago = DropCounts::since(place, worker_.clock().now());
    if (!ago || *ago > within) continue;
    const size_t link = indexOf(place.filter);
    const bool at_end = link == links_.size();
    const auto reasons = at_end ? ends : links_[link].dropReasons();
    recent.push_back({at_end ? "" : links_[link].type->name, reasons[place.reason], *ago});
  }
  return recent;
}

void FilterChain::loadDrops(const std::vector<NamedDrops>& saved, std::span<const std::string_view> ends) {
  for (const NamedDrops& drops : saved) {
    const auto link = std::ranges::find(links_, drops.filter, &Link::name);
    const bool at_end = drops.filter.empty();
    const auto reasons = at_end                 ? ends
                         : link != links_.end() ? link->dropReasons()
                                                : std::span<const std::string_view>();
    const auto reason = std::ranges::find(reasons, drops.reason);
    if (reason == reasons.end()) {
      drops_.addOther(drops.packets);
    } else {
      drops_.restore(at_end ? nullptr : link->context.get(), static_cast<uint32_t>(reason - reasons.begin()),
                     drops.packets);
    }
  }
}

FilterContext::Hop FilterChain::inwardFrom(size_t first) const {
  size_t next = first;
  while (next < links_.size() && !links_[next].type->enters_ingress) ++next;
  return {.next = next < links_.size() ? links_[next].context.get() : nullptr,
          .passed = std::span(spec_->filters).subspan(first, next - first)};
}

FilterContext::Hop FilterChain::outwardFrom(size_t end) const {
  size_t begin = end;
  while (begin > 0 && !links_[begin - 1].type->enters_egress) --begin;
  return {.next = begin > 0 ? links_[begin - 1].context.get() : nullptr,
          .passed = std::span(spec_->filters).subspan(begin, end - begin)};
}

void FilterChain::wire() {
  for (size_t i = 0; i < links_.size(); ++i) {
    links_[i].context->inward_ = inwardFrom(i + 1);
    links_[i].context->outward_ = outwardFrom(i);
  }
  from_client_ = inwardFrom(0);
  to_client_ = outwardFrom(links_.size());
}

void FilterChain::ingress(PacketPtr&& packet) {
  enterIngress(from_client_, std::move(packet));
}

void FilterChain::egress(PacketPtr&& packet) {
  enterEgress(to_client_, std::move(packet));
}

void FilterChain::enterIngress(const FilterContext::Hop& hop, PacketPtr&& packet) {
  for (const FilterSpec& filter : hop.passed) filter.stats[worker_index_]->ingress.count(packet->size());
  if (hop.next == nullptr) return ends_.onInnerEnd(std::move(packet));
  hop.next->stats_->ingress.count(packet->size());
  packet->clearNote();
  hop.next->filter_->onIngress(std::move(packet));
}

void FilterChain::enterEgress(const FilterContext::Hop& hop, PacketPtr&& packet) {
  for (const FilterSpec& filter : hop.passed) filter.stats[worker_index_]->egress.count(packet->size());
  if (hop.next == nullptr) return ends_.onOuterEnd(std::move(packet));
  hop.next->stats_->egress.count(packet->size());
  packet->clearNote();
  hop.next->filter_->onEgress(std::move(packet));
}

void FilterChain::announceAuthenticated(const net::Address& remote) {
  for (Link& link : links_) link.filter->onAuthenticated(remote);
}

}  // namespace sluice::chain
