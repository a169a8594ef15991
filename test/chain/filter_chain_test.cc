#include "source/chain/filter_chain.h"

#include <doctest/doctest.h>
#include <google/protobuf/wrappers.pb.h>

#include "source/chain/typed_filter.h"
#include "test/support/harness.h"

namespace sluice {
namespace {

using test::ChainHarness;

enum class Drop { kOnPurpose };
constexpr stats::Schema<Drop> kSchema{.drops = {{Drop::kOnPurpose, "on_purpose"}}};

struct Settings {
  std::string letter;
};

Result<Settings> readSettings(const google::protobuf::StringValue& config, chain::FactoryContext&) {
  return Settings{config.value()};
}

int made = 0;
std::vector<std::string> authenticated;

// Appends its letter to packets that pass. Holds a packet that begins with 'h', drops one that begins with
// 'd', consumes one that begins with 'c'; a letter in upper case adopts reloads.
class Letter final : public chain::TypedFilter<Settings, kSchema> {
 public:
  Letter(chain::FilterContext& context, const Settings& settings) : TypedFilter(context, settings) { ++made; }
  ~Letter() override {
    if (held_ != nullptr) context_.egress(std::move(held_));
  }

  void onIngress(net::PacketPtr&& packet) override {
    if (packet->data()[0] == 'd') return context_.drop(std::move(packet), Drop::kOnPurpose);
    if (packet->data()[0] == 'c') return context_.consume(std::move(packet));
    append(*packet);
    context_.ingress(std::move(packet));
  }
  void onEgress(net::PacketPtr&& packet) override {
    append(*packet);
    if (packet->data()[0] == 'h' && held_ == nullptr) {
      held_ = std::move(packet);
      return;
    }
    context_.egress(std::move(packet));
  }
  void onAuthenticated(const net::Address&) override { authenticated.push_back(settings().letter); }

 private:
  bool onSettings(const Settings&) override {
    const char fresh = settings().letter[0];
    return fresh >= 'A' && fresh <= 'Z';
  }
  void append(net::Packet& packet) {
    packet.resize(packet.size() + 1);
    packet.mutableData().back() = static_cast<uint8_t>(settings().letter[0]);
  }

  net::PacketPtr held_;
};

test::FilterConfig letter(const std::string& value, const std::string& name = {}) {
  return {chain::typedFilterType<Letter, readSettings>({.name = "letter"}), "value: '" + value + "'",
          name.empty() ? value : name};
}

struct Fixture {
  ManualClock clock;
  test::FakeWorker worker{clock};
  ChainHarness chain{worker, {letter("a"), letter("b"), letter("c")}};

  std::string in(const std::string& text) {
    chain.inner.clear();
    chain.ingress(asBytes(text));
    return chain.inner.empty() ? "" : std::string(asText(chain.inner[0].data));
  }
  std::string out(const std::string& text) {
    const size_t before = chain.outer.size();
    chain.egress(asBytes(text));
    return chain.outer.size() == before ? "" : std::string(asText(chain.outer.back().data));
  }
};

TEST_CASE("ingress passes the filters in the order of the configuration, egress in reverse order") {
  Fixture f;
  CHECK(f.in("x") == "xabc");
  CHECK(f.out("x") == "xcba");
  CHECK(f.chain.stats("b").ingress.packets.value() == 1);
  CHECK(f.chain.stats("b").ingress.bytes.value() == 2);
  CHECK(f.chain.stats("b").egress.bytes.value() == 2);
}

TEST_CASE("every packet is passed, dropped, consumed or held") {
  Fixture f;
  for (const char* text : {"x", "d", "c", "x"}) f.chain.ingress(asBytes(text));
  CHECK(f.chain.inner.size() == 2);
  CHECK(f.chain.dropped("a", "on_purpose") == 1);
  CHECK(f.out("h") == "");
  CHECK(f.out("x") == "xcba");
  CHECK(f.worker.pool().unaccounted() == 0);
  f.chain.closeChain();  // held packets leave through the filters further out
  CHECK(asText(f.chain.outer.back().data) == "hcba");
  CHECK(f.worker.pool().unaccounted() == 0);
}

TEST_CASE("a reload with an equal configuration changes nothing") {
  Fixture f;
  f.in("x");
  made = 0;
  f.chain.reload({letter("a"), letter("b"), letter("c")});
  CHECK(made == 0);
  CHECK(f.in("x") == "xabc");
}

TEST_CASE("a filter adopts its new configuration, or is replaced") {
  Fixture f;
  f.in("x");
  made = 0;
  f.chain.reload({letter("A", "a"), letter("z", "b"), letter("c")});
  CHECK(made == 1);
  CHECK(f.in("x") == "xAzc");
  CHECK(f.out("x") == "xczA");
}

TEST_CASE("filters are inserted, removed and reordered while a session is live") {
  Fixture f;
  f.in("x");
  f.chain.reload({letter("c"), letter("n"), letter("a")});
  CHECK(f.in("x") == "xcna");
  CHECK(f.out("x") == "xanc");
  f.chain.reload({});
  CHECK(f.in("x") == "x");
  CHECK(f.out("x") == "x");
}

TEST_CASE("packets that a removed filter holds pass through the neighbours that stay") {
  Fixture f;
  f.chain.reload({letter("a"), letter("b")});
  CHECK(f.out("h") == "");  // b holds it
  f.chain.reload({letter("a")});
  CHECK(f.chain.outer.empty());  // now a does
  f.chain.reload({});
  CHECK(asText(f.chain.outer.back().data) == "hba");
  CHECK(f.worker.pool().unaccounted() == 0);
}

TEST_CASE("every filter is notified that the client has authenticated, also a filter inserted later") {
  Fixture f;
  f.in("x");
  authenticated.clear();
  f.chain.session.authenticate(f.chain.session.selected);
  CHECK(authenticated == std::vector<std::string>{"a", "b", "c"});
  authenticated.clear();
  f.chain.reload({letter("a"), letter("n"), letter("b"), letter("c")});
  CHECK(authenticated == std::vector<std::string>{"n"});
}

TEST_CASE("a chain serves the clients that its match includes") {
  chain::ChainSpec spec;
  const auto remote = *net::Address::parse("10.1.2.3:5000");
  const auto local = *net::Address::parse("192.0.2.1:3478");
  CHECK(spec.matches(remote, local));
  spec.source_prefixes = {*net::Prefix::parse("10.0.0.0/8"), *net::Prefix::parse("fd00::/8")};
  CHECK(spec.matches(remote, local));
  spec.local_ports = {3479};
  CHECK_FALSE(spec.matches(remote, local));
  spec.local_ports = {3479, 3478};
  CHECK(spec.matches(remote, local));
  spec.source_prefixes = {*net::Prefix::parse("11.0.0.0/8")};
  CHECK_FALSE(spec.matches(remote, local));
}

}  // namespace
}  // namespace sluice
