#include "source/load/payload.h"

#include <doctest/doctest.h>
#include <opus/opus.h>

#include <algorithm>
#include <array>
#include <vector>

#include "source/load/voice.h"

namespace sluice::load {
namespace {

const Stamp kStamp{.speaker = 7, .sequence = 70'000, .sent = Instant(123'456'789'012ns), .counted = true};

std::vector<uint8_t> stamped(Bytes opus, const Stamp& mark = kStamp) {
  std::vector<uint8_t> out(1500);
  const auto size = stamp(opus, mark, out);
  REQUIRE(size);
  out.resize(*size);
  return out;
}

// The decoded audio of packets, from a decoder that ignores stamps.
std::vector<opus_int16> decoded(const std::vector<std::vector<uint8_t>>& packets) {
  int error = 0;
  OpusDecoder* decoder = opus_decoder_create(48'000, 1, &error);
  REQUIRE(error == OPUS_OK);
  std::vector<opus_int16> all;
  std::array<opus_int16, 5760> frame;
  for (const auto& packet : packets) {
    const int n =
        opus_decode(decoder, packet.data(), static_cast<opus_int32>(packet.size()), frame.data(), 5760, 0);
    REQUIRE(n == 960);
    all.insert(all.end(), frame.begin(), frame.begin() + n);
  }
  opus_decoder_destroy(decoder);
  return all;
}

TEST_CASE("stamp: a stamp is read as it was written") {
  const std::vector<uint8_t> opus{0x78, 1, 2, 3};
  const auto packet = stamped(opus);
  CHECK(packet.size() == opus.size() + kStampOverhead);
  const auto mark = readStamp(packet);
  REQUIRE(mark);
  CHECK(mark->speaker == kStamp.speaker);
  CHECK(mark->sequence == kStamp.sequence);
  CHECK(mark->sent == kStamp.sent);
  CHECK(mark->counted);
  CHECK_FALSE(readStamp(stamped(opus, {.counted = false}))->counted);
}

TEST_CASE("stamp: any changed bit, and any truncation, is detected") {
  const auto packet = stamped(std::vector<uint8_t>{0x78, 1, 2, 3, 4, 5});
  for (size_t at = 0; at < packet.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      auto damaged = packet;
      damaged[at] = static_cast<uint8_t>(damaged[at] ^ 1 << bit);
      CHECK_FALSE(readStamp(damaged));
    }
    CHECK_FALSE(readStamp(Bytes(packet).first(at)));
  }
}

TEST_CASE("stamp: packets of other senders have no stamp") {
  CHECK_FALSE(readStamp({}));
  CHECK_FALSE(readStamp(std::vector<uint8_t>{0x78, 1, 2, 3}));
  CHECK_FALSE(readStamp(std::vector<uint8_t>(200, 0x7B)));
}

TEST_CASE("stamp: only code 0 packets that fit are stamped") {
  std::vector<uint8_t> out(64);
  CHECK_FALSE(stamp({}, kStamp, out));
  CHECK_FALSE(stamp(std::vector<uint8_t>{0x7B, 1, 2}, kStamp, out));
  CHECK_FALSE(stamp(std::vector<uint8_t>(64, 0x78), kStamp, out));
}

TEST_CASE("stamp: the decoded audio is the same with and without the stamp, and is not silence") {
  for (unsigned voice = 0; voice < 3; ++voice) {
    const auto melody = makeMelody(voice);
    REQUIRE(melody.ok());
    REQUIRE(melody->size() >= 100);
    std::vector<std::vector<uint8_t>> with_stamps;
    for (const auto& packet : *melody) with_stamps.push_back(stamped(packet));
    const auto samples = decoded(with_stamps);
    CHECK(samples == decoded(*melody));
    CHECK(*std::max_element(samples.begin(), samples.end()) > 2'000);
  }
}

}  // namespace
}  // namespace sluice::load
