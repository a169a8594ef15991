#include "test/support/harness.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>

namespace sluice::test {
namespace {

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "harness: %s\n", why.c_str());
  std::abort();
}

google::protobuf::Any pack(const FilterConfig& filter) {
  const auto* descriptor = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(
      std::string(filter.type.config_type));
  if (descriptor == nullptr) die("no message is named " + std::string(filter.type.config_type));
  const std::unique_ptr<google::protobuf::Message> message(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
  if (!google::protobuf::TextFormat::ParseFromString(filter.text, message.get()))
    die("bad text: " + filter.text);
  google::protobuf::Any any;
  any.PackFrom(*message);
  return any;
}

}  // namespace

bool FakeWorker::mail(unsigned to, Deliver deliver, net::PacketPtr& packet) {
  if (to >= peers.size() || peers[to] == nullptr) return false;
  deliver(*peers[to], std::move(packet));
  return true;
}

void FakeWorker::runMain() {
  while (!posted.empty()) {
    auto tasks = std::move(posted);
    posted.clear();
    for (auto& task : tasks) task();
  }
}

bool FakeSession::authenticate(const net::Address& address) {
  if (authenticated.contains(address)) return true;
  if (authenticated.size() >= max_addresses) return false;
  authenticated.insert(address);
  if (on_authenticated) on_authenticated(address);
  return true;
}

Errors errorsOf(const FilterConfig& filter) {
  ManualClock clock;
  rooms::Directory directory{{}, 1, clock};
  chain::ProcessState process;
  chain::FactoryContext context{.clusters = {},
                                .machine = {},
                                .directory = directory,
                                .process = process,
                                .dtls = nullptr,
                                .credentials = std::make_shared<credentials::None>(),
                                .nat = std::make_shared<net::AddressMap>(),
                                .listener = {},
                                .base_path = "."};
  const auto factory = filter.type.parse(pack(filter), context);
  return factory.ok() ? Errors{} : factory.errors();
}

ChainHarness::ChainHarness(FakeWorker& worker, std::vector<FilterConfig> filters)
    : worker_(worker), filters_(std::move(filters)) {
  session.on_authenticated = [this](const net::Address& address) { chain().announceAuthenticated(address); };
}

ChainHarness::~ChainHarness() = default;

chain::ChainSpecPtr ChainHarness::makeSpec(const std::vector<FilterConfig>& filters) {
  auto spec = std::make_shared<chain::ChainSpec>();
  spec->name = "test";
  chain::FactoryContext context{.clusters = clusters,
                                .machine = machine,
                                .directory = directory != nullptr ? *directory : own_directory_,
                                .process = process != nullptr ? *process : own_process_,
                                .dtls = dtls,
                                .credentials = credentials,
                                .nat = nat,
                                .listener = {session.local_address},
                                .base_path = ".",
                                .positions = positions};
  for (const FilterConfig& filter : filters) {
    const auto any = pack(filter);
    auto factory = filter.type.parse(any, context);
    if (!factory.ok()) die(toString(factory.errors()));
    const std::string name = filter.name.empty() ? std::string(filter.type.name) : filter.name;
    const auto known = std::find_if(types_.begin(), types_.end(),
                                    [&](const auto& type) { return type.name == filter.type.name; });
    const chain::FilterType* type = known != types_.end() ? &*known : &types_.emplace_back(filter.type);
    auto schema = (*factory)->schema();
    if (schema == nullptr) schema = {std::shared_ptr<const void>(), &type->schema};
    auto& blocks = blocks_[name];
    if (blocks.empty() || !(*blocks.back().schema == *schema)) blocks.emplace_back(std::move(schema));
    chain::FilterSpec entry{name, type, any.value(), *factory, {}};
    entry.stats.assign(worker_.count(), &blocks.back().stats);
    if (spec_ != nullptr) {
      for (const chain::FilterSpec& old : spec_->filters) {
        const bool same = old.name == name && old.type == type && old.config == entry.config;
        if (same && entry.factory->sameAs(*old.factory)) entry.factory = old.factory;
      }
    }
    spec->filters.push_back(std::move(entry));
  }
  return spec_ = spec;
}

chain::FilterChain& ChainHarness::chain() {
  if (chain_ == nullptr) {
    auto spec = makeSpec(filters_);
    chain::ChainEnds& ends = *this;
    chain_ = std::make_unique<chain::FilterChain>(spec, ends, session, worker_);
  }
  return *chain_;
}

void ChainHarness::ingress(Bytes data, const net::Address& from, uint8_t tos) {
  chain::FilterChain& target = chain();
  net::PacketPtr packet = worker_.pool().acquire();
  if (packet == nullptr || !packet->assign(data)) die("no packet");
  packet->remote = from;
  packet->local = session.local_address;
  packet->received = worker_.clock().now();
  packet->kind = classify(data);
  packet->tos = tos;
  target.ingress(std::move(packet));
}

void ChainHarness::egress(Bytes data, PacketKind kind, uint8_t tos) {
  chain::FilterChain& target = chain();
  net::PacketPtr packet = worker_.pool().acquire();
  if (packet == nullptr || !packet->assign(data)) die("no packet");
  packet->received = worker_.clock().now();
  packet->kind = kind;
  packet->tos = tos;
  target.egress(std::move(packet));
}

void ChainHarness::reload(std::vector<FilterConfig> filters) {
  chain::FilterChain& target = chain();
  target.adopt(makeSpec(filters));
}

void ChainHarness::closeChain() {
  chain_.reset();
}

SavedChain ChainHarness::save() {
  Descriptors descriptors;
  chain().flush();
  auto filters = chain().save(descriptors);
  if (!filters.ok()) return {filters.error().path, {}, {}};
  SavedChain saved{"", *std::move(filters), {}};
  for (const int fd : descriptors.all()) saved.descriptors.push_back(dup(fd));  // as a message does
  return saved;
}

std::string ChainHarness::load(const SavedChain& saved) {
  Descriptors descriptors(saved.descriptors);
  const Status status = chain().load(saved.filters, descriptors);
  return status.ok() ? "" : status.error().path;
}

std::string ChainHarness::takeOver(ChainHarness& other) {
  session.known_player = other.session.known_player;
  session.selected = other.session.selected;
  session.local_address = other.session.local_address;
  session.authenticated = other.session.authenticated;
  const SavedChain saved = other.save();
  if (!saved.lost.empty()) return saved.lost;
  other.session.handed_over = true;
  return load(saved);
}

uint64_t ChainHarness::dropped(const std::string& filter, std::string_view reason) const {
  std::optional<uint64_t> total;
  for (const auto& [schema, stats] : blocks_.at(filter)) {
    const auto it = std::find(schema->drops.begin(), schema->drops.end(), reason);
    if (it == schema->drops.end()) continue;
    total = total.value_or(0) + stats.drops[static_cast<size_t>(it - schema->drops.begin())].value();
  }
  if (!total) die("no drop reason " + std::string(reason));
  return *total;
}

uint64_t ChainHarness::counted(const std::string& filter, std::string_view counter,
                               std::string_view value) const {
  std::optional<uint64_t> total;
  for (const auto& [schema, stats] : blocks_.at(filter)) {
    for (size_t i = 0; i < schema->counters.size(); ++i) {
      const stats::CounterSpec& spec = schema->counters[i];
      if (spec.name != counter || spec.value != value) continue;
      total = total.value_or(0) + stats.counters[i].value();
    }
  }
  if (!total) die("no counter " + std::string(counter));
  return *total;
}

void ChainHarness::capture(net::PacketPtr packet, std::vector<Captured>& out) {
  packet->settle();
  if (!record) return;
  const Bytes data = packet->data();
  out.push_back({{data.begin(), data.end()}, packet->remote, packet->kind, packet->tos, packet->ttl});
}

void ChainHarness::onInnerEnd(net::PacketPtr&& packet) {
  capture(std::move(packet), inner);
}
void ChainHarness::onOuterEnd(net::PacketPtr&& packet) {
  capture(std::move(packet), outer);
}

}  // namespace sluice::test
