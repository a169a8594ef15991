#include "source/base/archive.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

namespace sluice {
namespace {

enum class Colour : uint8_t { kRed, kBlue };

struct Inner {
  uint16_t number = 0;
  void archive(Archive& a) { a(number); }
};

struct Everything {
  int32_t i = 0;
  double d = 0;
  bool b = false;
  Colour colour = Colour::kRed;
  std::string text;
  std::vector<Inner> inner;
  std::array<uint64_t, 2> pair{};
  std::bitset<70> bits;
  std::optional<uint32_t> some, none = 3;
  std::map<std::string, uint8_t> map;
  Duration duration{};
  Instant instant{};
  void archive(Archive& a) {
    a(i, d, b, colour, text, inner, pair, bits, some, none, map, duration, instant);
  }
};

Everything example() {
  Everything e{.i = -5,
               .d = 0.5,
               .b = true,
               .colour = Colour::kBlue,
               .text = "voice",
               .inner = {{1}, {2}},
               .pair = {7, 8},
               .bits = {},
               .some = 9,
               .none = std::nullopt,
               .map = {{"a", 1}, {"b", 2}},
               .duration = 20ms,
               .instant = Instant(1s)};
  e.bits.set(69);
  return e;
}

std::string write(Everything e, Descriptors& descriptors) {
  Archive out(descriptors);
  out(e);
  return out.takeBytes();
}

TEST_CASE("Archive: values are read as they were written") {
  Descriptors none;
  const std::string bytes = write(example(), none);
  Archive in(asBytes(bytes), none);
  Everything e;
  in(e);
  CHECK(in.ok());
  CHECK(in.atEnd());
  CHECK(write(e, none) == bytes);
  CHECK(e.text == "voice");
  CHECK(e.inner[1].number == 2);
  CHECK(e.some == 9);
  CHECK(!e.none);
  CHECK(e.bits.test(69));
  CHECK(e.map.at("b") == 2);
  CHECK(e.instant == Instant(1s));
}

TEST_CASE("Archive: truncated bytes are not ok wherever they end, and allocate no memory for missing data") {
  Descriptors none;
  const std::string bytes = write(example(), none);
  for (size_t size = 0; size < bytes.size(); ++size) {
    Archive in(asBytes(bytes).first(size), none);
    Everything e;
    in(e);
    CHECK(!in.ok());
    CHECK(e.inner.size() <= size);
  }
}

TEST_CASE("Archive: any bytes read as valid values: a bool or a bit is true or false") {
  Descriptors none;
  const std::string bytes(100, '\x7f');
  Archive in(asBytes(bytes), none);
  bool b = false;
  std::optional<bool> some;
  std::bitset<70> bits;
  in(b, some, bits);
  CHECK(in.ok());
  CHECK(bits.all());
  CHECK(b == true);
  CHECK(some == true);
}

TEST_CASE("a descriptor is read once, by its index; the others are closed") {
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  Descriptors writing;
  Archive out(writing);
  int absent = -1;
  out.descriptor(pipe[0]);
  out.descriptor(pipe[0]);
  out.descriptor(pipe[1]);
  out.descriptor(absent);
  const std::string bytes = out.takeBytes();
  CHECK(writing.all() == std::vector{pipe[0], pipe[1]});
  {
    Descriptors reading({pipe[0], pipe[1]});
    Archive in(asBytes(bytes), reading);
    int a = 0, b = 0;
    in.descriptor(a);
    in.descriptor(b);
    CHECK(a == pipe[0]);
    CHECK(b == -1);
  }
  CHECK(fcntl(pipe[0], F_GETFD) != -1);  // read
  CHECK(fcntl(pipe[1], F_GETFD) == -1);  // not read
  close(pipe[0]);
}

TEST_CASE("an enum is read only if the value is one of its enumerators") {
  Descriptors none;
  Colour colour = Colour::kRed;
  for (const uint8_t value : {uint8_t{1}, uint8_t{2}, uint8_t{255}}) {
    CAPTURE(value);
    Archive in(Bytes(&value, 1), none);
    in(colour);
    CHECK(in.ok() == (value == 1));
    CHECK(colour == Colour::kBlue);
  }
}

}  // namespace
}  // namespace sluice
