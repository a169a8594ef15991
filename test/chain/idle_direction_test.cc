// A filter that does not override a direction is not entered in it, but its packets are counted.
#include <doctest/doctest.h>
#include <google/protobuf/wrappers.pb.h>

#include <algorithm>
#include <map>

#include "source/chain/filter_chain.h"
#include "source/chain/typed_filter.h"
#include "test/support/harness.h"

namespace sluice {
namespace {

struct Settings {
  std::string name;
};

Result<Settings> readSettings(const google::protobuf::StringValue& config, chain::FactoryContext&) {
  return Settings{config.value()};
}

constexpr stats::Schema<stats::None> kSchema{};

void append(net::Packet& packet, char letter) {
  packet.resize(packet.size() + 1);
  packet.mutableData().back() = static_cast<uint8_t>(letter);
}

// Each filter appends a letter to the packets that enter it.
using Base = chain::TypedFilter<Settings, kSchema>;

class Neither final : public Base {
 public:
  using Base::Base;
};

class Inward final : public Base {
 public:
  using Base::Base;
  void onIngress(net::PacketPtr&& packet) override {
    append(*packet, 'i');
    context_.ingress(std::move(packet));
  }
};

class Outward final : public Base {
 public:
  using Base::Base;
  void onEgress(net::PacketPtr&& packet) override {
    append(*packet, 'o');
    context_.egress(std::move(packet));
  }
};

// Holds a packet that begins with 'h' in each direction until the filter is destroyed or flushed.
class Both final : public Base {
 public:
  using Base::Base;
  ~Both() override { pass(); }
  void onIngress(net::PacketPtr&& packet) override {
    append(*packet, 'b');
    if (packet->data()[0] == 'h' && inward_ == nullptr) {
      inward_ = std::move(packet);
    } else {
      context_.ingress(std::move(packet));
    }
  }
  void onEgress(net::PacketPtr&& packet) override {
    append(*packet, 'b');
    if (packet->data()[0] == 'h' && outward_ == nullptr) {
      outward_ = std::move(packet);
    } else {
      context_.egress(std::move(packet));
    }
  }
  void onFlush() override { pass(); }

 private:
  void pass() {
    if (inward_ != nullptr) context_.ingress(std::move(inward_));
    if (outward_ != nullptr) context_.egress(std::move(outward_));
  }

  net::PacketPtr inward_;
  net::PacketPtr outward_;
};

chain::FilterType typeOf(char letter) {
  switch (letter) {
    case 'n':
      return chain::typedFilterType<Neither, readSettings>({.name = "neither"});
    case 'i':
      return chain::typedFilterType<Inward, readSettings>({.name = "inward"});
    case 'o':
      return chain::typedFilterType<Outward, readSettings>({.name = "outward"});
    default:
      return chain::typedFilterType<Both, readSettings>({.name = "both"});
  }
}

// Names of a chain's filters, e.g. n1 i1 n2 for "nin".
std::vector<std::string> namesOf(const std::string& letters) {
  std::vector<std::string> names;
  for (size_t i = 0; i < letters.size(); ++i) {
    const auto nth = std::count(letters.begin(), letters.begin() + static_cast<ptrdiff_t>(i) + 1, letters[i]);
    names.push_back(letters[i] + std::to_string(nth));
  }
  return names;
}

std::vector<test::FilterConfig> filtersOf(const std::string& letters) {
  std::vector<test::FilterConfig> filters;
  for (const std::string& name : namesOf(letters)) {
    filters.push_back({typeOf(name[0]), "value: '" + name + "'", name});
  }
  return filters;
}

// All chains of up to `max` filters.
std::vector<std::string> chainsOf(size_t max) {
  std::vector<std::string> chains{""};
  for (size_t begin = 0, size = 0; size < max; ++size) {
    const size_t end = chains.size();
    for (; begin < end; ++begin) {
      for (const char letter : {'n', 'i', 'o', 'b'}) chains.push_back(chains[begin] + letter);
    }
  }
  return chains;
}

std::string only(std::string letters, const std::string& wanted) {
  std::erase_if(letters, [&](char letter) { return wanted.find(letter) == std::string::npos; });
  return letters;
}

// Packets and bytes.
using Flow = std::pair<uint64_t, uint64_t>;
Flow valueOf(const stats::Flow& flow) {
  return {flow.packets.value(), flow.bytes.value()};
}
Flow operator+(const Flow& flow, size_t bytes) {
  return {flow.first + 1, flow.second + bytes};
}

struct Fixture {
  explicit Fixture(const std::string& letters) : chain(worker, filtersOf(letters)) { chain.chain(); }
  ~Fixture() {
    chain.closeChain();
    CHECK(worker.pool().unaccounted() == 0);
  }

  Flow ingress(const std::string& name) const { return valueOf(chain.stats(name).ingress); }
  Flow egress(const std::string& name) const { return valueOf(chain.stats(name).egress); }

  // One packet in each direction enters the filters of the chain `letters` that act in it, and every filter
  // counts it, with the bytes that it has there.
  void checkPassage(const std::string& letters) {
    const auto names = namesOf(letters);
    std::map<std::string, Flow> in, out;
    size_t bytes = 1;
    for (const std::string& name : names) {
      in[name] = ingress(name) + bytes;
      if (name[0] == 'i' || name[0] == 'b') ++bytes;
    }
    bytes = 1;
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
      out[*name] = egress(*name) + bytes;
      if ((*name)[0] == 'o' || (*name)[0] == 'b') ++bytes;
    }
    chain.ingress(asBytes("x"));
    chain.egress(asBytes("x"));
    CHECK(asText(chain.inner.back().data) == "x" + only(letters, "ib"));
    std::string outward = only(letters, "ob");
    std::ranges::reverse(outward);
    CHECK(asText(chain.outer.back().data) == "x" + outward);
    for (const std::string& name : names) {
      CAPTURE(name);
      CHECK(ingress(name) == in[name]);
      CHECK(egress(name) == out[name]);
    }
  }

  ManualClock clock;
  test::FakeWorker worker{clock};
  test::ChainHarness chain;
};

TEST_CASE("a filter type declares the directions that its class overrides") {
  const auto directions = [](char letter) {
    const chain::FilterType type = typeOf(letter);
    return std::pair(type.enters_ingress, type.enters_egress);
  };
  CHECK(directions('n') == std::pair(false, false));
  CHECK(directions('i') == std::pair(true, false));
  CHECK(directions('o') == std::pair(false, true));
  CHECK(directions('b') == std::pair(true, true));
}

TEST_CASE("idle filters count packets wherever they are in a chain") {
  for (const std::string& letters : chainsOf(4)) {
    CAPTURE(letters);
    Fixture(letters).checkPassage(letters);
  }
}

TEST_CASE("idle filters count packets after a reload that inserts, removes and moves filters") {
  for (const std::string& before : chainsOf(3)) {
    for (const std::string after : {"", "n", "b", "nb", "bn", "in", "no", "nibno", "onbin", "nnb"}) {
      CAPTURE(before);
      CAPTURE(after);
      Fixture f(before);
      f.checkPassage(before);
      std::map<std::string, Flow> removed;
      for (const std::string& name : namesOf(before)) removed[name] = f.ingress(name);
      for (const std::string& name : namesOf(after)) removed.erase(name);
      f.chain.reload(filtersOf(after));
      f.checkPassage(after);
      f.checkPassage(after);
      for (const auto& [name, count] : removed) CHECK(f.ingress(name) == count);
    }
  }
}

// Holds a packet in each direction in "b1".
struct Holding : Fixture {
  explicit Holding(const std::string& letters) : Fixture(letters) {
    chain.ingress(asBytes("h"));
    chain.egress(asBytes("h"));
    CHECK(chain.inner.empty());
    CHECK(chain.outer.empty());
  }
  void checkLeft(const std::string& inner, const std::string& outer) const {
    REQUIRE(chain.inner.size() == 1);
    CHECK(asText(chain.inner[0].data) == inner);
    REQUIRE(chain.outer.size() == 1);
    CHECK(asText(chain.outer[0].data) == outer);
  }
};

TEST_CASE("packets of a flush are counted by the idle filters after it") {
  Holding f("nonbnin");
  f.chain.chain().flush();
  f.checkLeft("hbi", "hbo");
  for (const char* name : {"n1", "o1", "n2", "b1", "n3", "i1", "n4"}) {
    CAPTURE(name);
    CHECK(f.ingress(name).first == 1);
    CHECK(f.egress(name).first == 1);
  }
}

TEST_CASE("packets that a removed filter holds are counted by the idle neighbours that stay") {
  struct Case {
    const char* after;
    const char* inward;  // as it leaves the chain
    const char* outward;
  };
  const std::vector<std::string> outer{"n1", "o1", "n2"}, inner{"n3", "i1", "n4"};
  for (const Case& each : {Case{"nonnin", "hbi", "hbo"}, Case{"nnnn", "hb", "hb"}, Case{"oi", "hbi", "hbo"},
                           Case{"n", "hb", "hb"}, Case{"", "hb", "hb"}}) {
    CAPTURE(each.after);
    Holding f("nonbnin");
    f.chain.reload(filtersOf(each.after));
    f.checkLeft(each.inward, each.outward);
    const auto names = namesOf(each.after);
    const auto counted = [&](const std::string& name) {
      return std::ranges::count(names, name) > 0 ? 1u : 0u;
    };
    for (const std::string& name : outer) {
      CAPTURE(name);
      CHECK(f.ingress(name).first == 1);
      CHECK(f.egress(name).first == counted(name));
    }
    for (const std::string& name : inner) {
      CAPTURE(name);
      CHECK(f.ingress(name).first == counted(name));
      CHECK(f.egress(name).first == 1);
    }
  }
}

TEST_CASE("packets that a filter holds when its session ends are counted by the idle filters further out") {
  Holding f("nonbnin");
  f.chain.closeChain();
  f.checkLeft("hb", "hbo");
  for (const char* name : {"n1", "o1", "n2"}) CHECK(f.egress(name).first == 1);
}

}  // namespace
}  // namespace sluice
