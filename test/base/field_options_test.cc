#include "source/base/field_options.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "test/base/field_options_test.pb.h"

namespace sluice {
namespace {

using test::Sample;

// One error a line.
std::string apply(Sample& sample) {
  return toString(applyFieldOptions(sample));
}

TEST_CASE("absent fields get their defaults, whatever their type") {
  Sample sample;
  CHECK(apply(sample).empty());
  CHECK(sample.offset() == -1);
  CHECK(sample.unbounded() == 7);
  CHECK(sample.balance() == -2'000'000'000);
  CHECK(sample.ratio() == 1.5f);
  CHECK(sample.share() == 0.1);
  CHECK(sample.enabled());
}

TEST_CASE("fields without a default, and with a default of 0, stay absent") {
  Sample sample;
  CHECK(apply(sample).empty());
  CHECK_FALSE(sample.has_rate());
  CHECK_FALSE(sample.has_off());
}

TEST_CASE("values that are set stay, even where they are 0 or false") {
  Sample sample;
  sample.set_offset(0);
  sample.set_enabled(false);
  sample.set_share(0.99);
  CHECK(apply(sample).empty());
  CHECK(sample.offset() == 0);
  CHECK_FALSE(sample.enabled());
  CHECK(sample.share() == 0.99);
}

TEST_CASE("only absent messages that are marked as implied are created") {
  Sample sample;
  sample.mutable_parts()->Add();
  CHECK(apply(sample).empty());
  CHECK(sample.always().size() == 15);
  CHECK_FALSE(sample.has_sometimes());
  CHECK(sample.parts(0).size() == 15);
  sample.mutable_sometimes();
  CHECK(apply(sample).empty());
  CHECK(sample.sometimes().size() == 15);
}

TEST_CASE("a default never chooses a member of a oneof") {
  Sample sample;
  CHECK(apply(sample).empty());
  CHECK(sample.choice_case() == Sample::CHOICE_NOT_SET);
  sample.set_first(3);
  CHECK(apply(sample) == "first: must be 1 to 2");
}

TEST_CASE("numbers outside their range are reported together, each with its path") {
  Sample sample;
  sample.set_offset(-6);
  sample.set_balance(3'000'000'001);
  sample.set_rate(0);
  sample.set_ratio(2.5f);
  sample.set_share(1);
  sample.set_plain(10);
  for (const uint32_t port : {1u, 0u, 65'535u, 65'536u}) sample.add_ports(port);
  sample.mutable_always()->set_size(21);
  sample.mutable_parts()->Add();
  sample.mutable_parts()->Add()->set_size(9);
  CHECK(apply(sample) ==
        "offset: must be -5 to 5\n"
        "balance: must be -3000000000 to 3000000000\n"
        "rate: must be 1 to 1000000000\n"
        "ratio: must be 0.5 to 2\n"
        "share: must be 0.01 to 0.99\n"
        "plain: must be 0 to 9\n"
        "ports[1]: must be 1 to 65535\n"
        "ports[3]: must be 1 to 65535\n"
        "always.size: must be 10 to 20\n"
        "parts[1].size: must be 10 to 20");
}

TEST_CASE("a number outside its range gets its default, or the nearest bound") {
  Sample sample;
  sample.set_offset(6);
  sample.set_rate(std::numeric_limits<uint64_t>::max());
  sample.set_plain(10);
  sample.mutable_always()->set_size(0);
  CHECK(applyFieldOptions(sample).size() == 4);
  CHECK(sample.offset() == -1);
  CHECK(sample.rate() == 1'000'000'000);
  CHECK(sample.plain() == 9);
  CHECK(sample.always().size() == 15);
}

TEST_CASE("a value that an enum does not have is reported with those that it has, and becomes the first") {
  Sample sample;
  sample.set_color(Sample::BLUE);
  sample.add_colors(Sample::GREEN);
  CHECK(apply(sample).empty());
  CHECK(sample.color() == Sample::BLUE);
  sample.set_color(static_cast<Sample::Color>(2));
  sample.add_colors(static_cast<Sample::Color>(-1));
  CHECK(apply(sample) ==
        "color: must be RED, GREEN or BLUE\n"
        "colors[1]: must be RED, GREEN or BLUE");
  CHECK(sample.color() == Sample::RED);
  CHECK(sample.colors(0) == Sample::GREEN);
  CHECK(sample.colors(1) == Sample::RED);
}

TEST_CASE("both bounds are allowed, and NaN is not") {
  Sample sample;
  for (const double share : {0.01, 0.99}) {
    sample.set_share(share);
    CHECK(apply(sample).empty());
  }
  sample.set_share(std::numeric_limits<double>::quiet_NaN());
  CHECK(apply(sample) == "share: must be 0.01 to 0.99");
  CHECK(sample.share() == 0.1);
}

TEST_CASE("messages in a map are not examined") {
  Sample sample;
  (*sample.mutable_by_name())["a"].set_size(99);
  CHECK(apply(sample).empty());
}

}  // namespace
}  // namespace sluice
