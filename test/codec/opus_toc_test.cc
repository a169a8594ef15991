#include "source/codec/opus_toc.h"

#include <doctest/doctest.h>

#include <string>

#include "test/support/hex.h"

namespace sluice::opus {
namespace {

using test::hex;
using namespace std::chrono_literals;

TEST_CASE("opus::Toc: the configurations") {
  struct Case {
    unsigned config;
    Mode mode;
    Bandwidth bandwidth;
    std::chrono::microseconds duration;
  };
  const Case cases[] = {
      {0, Mode::kSilk, Bandwidth::kNarrow, 10ms},       {3, Mode::kSilk, Bandwidth::kNarrow, 60ms},
      {5, Mode::kSilk, Bandwidth::kMedium, 20ms},       {10, Mode::kSilk, Bandwidth::kWide, 40ms},
      {12, Mode::kHybrid, Bandwidth::kSuperWide, 10ms}, {13, Mode::kHybrid, Bandwidth::kSuperWide, 20ms},
      {15, Mode::kHybrid, Bandwidth::kFull, 20ms},      {16, Mode::kCelt, Bandwidth::kNarrow, 2500us},
      {21, Mode::kCelt, Bandwidth::kWide, 5ms},         {26, Mode::kCelt, Bandwidth::kSuperWide, 10ms},
      {31, Mode::kCelt, Bandwidth::kFull, 20ms},
  };
  for (const Case& c : cases) {
    CAPTURE(c.config);
    const uint8_t packet[] = {static_cast<uint8_t>(c.config << 3 | 4), 1, 2};
    const auto info = parse(packet);
    REQUIRE(info);
    CHECK(info->mode == c.mode);
    CHECK(info->bandwidth == c.bandwidth);
    CHECK(info->frame_duration == c.duration);
    CHECK(info->stereo);
    CHECK(info->frame_count == 1);
    CHECK(info->duration() == c.duration);
  }
}

TEST_CASE("opus::parse: frame counts and malformed packets") {
  constexpr int kBad = 0;
  struct Case {
    std::string name;
    const char* packet;
    int frames;
  };
  const Case cases[] = {
      {"empty", "", kBad},
      {"code 0", "f8 aabb", 1},
      {"code 0, no data: DTX", "f8", 1},
      {"code 1", "f9 aabb", 2},
      {"code 1, odd", "f9 aabbcc", kBad},
      {"code 2", "fa 01 aabb", 2},
      {"code 2, no length", "fa", kBad},
      {"code 2, half a long length", "fa fc", kBad},
      {"code 2, first frame overruns", "fa 03 aabb", kBad},
      {"code 2, empty second frame", "fa 02 aabb", 2},
      {"code 3, no count", "fb", kBad},
      {"code 3, no frame", "fb 00", kBad},
      {"code 3 CBR", "fb 03 aabbcc", 3},
      {"code 3 CBR, not divisible", "fb 03 aabb", kBad},
      {"code 3, 120 ms", "fb 06 aabbccddeeff", 6},
      {"code 3, beyond 120 ms", "fb 07 aabbccddeeff00", kBad},
      {"code 3, 48 frames of 2.5 ms", "e3 30", 48},
      {"code 3 VBR", "fb 83 01 00 aabb", 3},
      {"code 3 VBR, lengths overrun", "fb 83 02 01 aabb", kBad},
      {"code 3 VBR, lengths missing", "fb 83 02", kBad},
      {"code 3 padded", "fb 41 02 aa 0000", 1},
      {"code 3 padding overruns", "fb 41 03 aa 00", kBad},
      {"code 3 padding count missing", "fb 41", kBad},
      {"code 3 padding count unfinished", "fb 41 ff", kBad},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const auto bytes = hex(c.packet);
    const auto info = parse(bytes);
    CHECK(info.has_value() == (c.frames != kBad));
    if (info) CHECK(info->frame_count == c.frames);
  }
}

TEST_CASE("opus::parse: long frames and long padding") {
  std::vector<uint8_t> packet(1276, 0);
  packet[0] = 0xf8;
  CHECK(parse(packet));
  packet.push_back(0);
  CHECK_FALSE(parse(packet));

  std::vector<uint8_t> padded(4 + 1 + 254 + 10, 0);
  padded[0] = 0xfb;
  padded[1] = 0x41;
  padded[2] = 255;
  padded[3] = 10;
  REQUIRE(parse(padded));
  CHECK(parse(padded)->padding_size == 264);
  CHECK(parse(padded)->samples() == 960);
}

TEST_CASE("LBRR is detected as SILK signals it") {
  struct Case {
    const char* name;
    const char* packet;
    bool lbrr;
  };
  const Case cases[] = {
      {"SILK wideband 20 ms: second bit", "48 40 00 00", true},
      {"SILK wideband 20 ms: voice activity alone", "48 80 00 00", false},
      {"SILK wideband 10 ms", "40 40 00 00", true},
      {"SILK wideband 60 ms: fourth bit", "58 10 00 00", true},
      {"SILK wideband 60 ms: its third is activity", "58 20 00 00", false},
      {"hybrid 20 ms", "78 c0 00 00", true},
      {"stereo: the side channel's", "4c 10 00 00", true},
      {"CELT has none", "f8 ff ff ff", false},
      {"two frames: in the first", "4a 02 40 00 ff ff", true},
      {"two frames: not in the second", "4a 02 00 00 ff ff", false},
      {"padded", "4b 41 01 40 00 00", true},
      {"an empty frame", "48", false},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const auto info = parse(hex(c.packet));
    REQUIRE(info);
    CHECK(info->has_lbrr == c.lbrr);
  }
}

TEST_CASE("a frame signals its activity if its mode supports it") {
  struct Case {
    const char* name;
    const char* packet;
    std::optional<bool> active;
  };
  const Case cases[] = {
      {"SILK wideband 20 ms: first bit", "48 80 00 00", true},
      {"SILK wideband 20 ms: LBRR is not activity", "48 40 00 00", false},
      {"SILK wideband 60 ms: its third bit", "58 20 00 00", true},
      {"hybrid", "78 80 00 00", true},
      {"hybrid, inactive", "78 00 00 00", false},
      {"stereo: the side channel's", "4c 20 00 00", true},
      {"SILK, an empty frame", "48", false},
      {"CELT with sound does not signal activity", "f8 12 34 56", std::nullopt},
      {"CELT silence", "f8 ff fe", false},
      {"CELT, 14 ones are sound", "f8 ff fc", std::nullopt},
      {"CELT, an empty frame", "f8", false},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const auto info = parse(hex(c.packet));
    REQUIRE(info);
    CHECK(info->active == c.active);
  }
}

TEST_CASE("opus: DTX packets are detected") {
  CHECK(isDtx(hex("f8")));
  CHECK(isDtx(hex("f8ff")));
  CHECK_FALSE(isDtx(hex("f8fffe")));
}

}  // namespace
}  // namespace sluice::opus
