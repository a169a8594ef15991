#include "filters/opus/transcoder.h"

#include <doctest/doctest.h>

#include <optional>
#include <vector>

#include "source/codec/opus_toc.h"
#include "test/support/voice_signal.h"

namespace sluice::opus_filter {
namespace {

using Payload = std::vector<uint8_t>;

struct Fixture {
  // Frames and packets have 10 or 20 ms.
  explicit Fixture(unsigned frame_ms = 20, unsigned packet_ms = 20) : samples(packet_ms * 48) {
    sender.apply({.frame_ms = packet_ms});
    transcoder.apply({.frame_ms = frame_ms});
  }

  // The sender's next packet.
  Payload packet() {
    Payload out(media::kMaxOpusFrame);
    out.resize(sender.encode(media::Pcm(voice).subspan(spoken++ % 50 * samples, samples), out));
    return out;
  }
  void add() { CHECK(transcoder.add(packet())); }
  std::optional<Transcoder::Frame> encode() {
    encoded.resize(media::kMaxOpusFrame);
    const auto frame = transcoder.encode(encoded);
    encoded.resize(frame ? frame->size : 0);
    return frame;
  }
  // The time of the next frame, which must exist and be one of the profile's length.
  uint32_t frameTime() {
    const auto frame = encode();
    REQUIRE(frame);
    const auto info = opus::parse(encoded);
    REQUIRE(info);
    CHECK(info->samples() == transcoder.profile().samples());
    return frame->timestamp;
  }

  const std::vector<int16_t> voice = test::voiceSignal(1, 120);
  const size_t samples;
  size_t spoken = 0;
  media::OpusEncoder sender;
  Transcoder transcoder;
  Payload encoded;
};

TEST_CASE("a longer frame needs several packets, and begins where the first of them began") {
  Fixture f(20, 10);
  f.transcoder.startAt(5'000);
  CHECK_FALSE(f.encode());
  f.add();
  CHECK_FALSE(f.encode());
  f.add();
  CHECK(f.frameTime() == 5'000);
  CHECK_FALSE(f.encode());
  f.add();
  f.add();
  CHECK(f.frameTime() == 5'960);
}

TEST_CASE("a packet makes several shorter frames, one after the other") {
  Fixture f(10, 20);
  f.transcoder.startAt(5'000);
  f.add();
  CHECK(f.frameTime() == 5'000);
  CHECK(f.frameTime() == 5'480);
  CHECK_FALSE(f.encode());
}

TEST_CASE("the timeline continues where the timestamps wrap") {
  Fixture f;
  f.transcoder.startAt(0xFFFFFFFF - 959);
  f.add();
  CHECK(f.frameTime() == 0xFFFFFFFF - 959);
  f.add();
  CHECK(f.frameTime() == 0);
  f.transcoder.startAt(1'920);
  f.add();
  CHECK(f.frameTime() == 1'920);
}

TEST_CASE("a partial frame is completed where the timestamps wrap") {
  Fixture f(20, 10);
  f.transcoder.startAt(0xFFFFFFFF - 599);
  f.add();  // 120 samples before the wrap
  CHECK(f.transcoder.completeUntil(0xFFFFFFFF) == 0);
  CHECK(f.transcoder.completeUntil(240) == 360);
  CHECK(f.transcoder.completeUntil(1'000) == 120);
  CHECK(f.frameTime() == 0xFFFFFFFF - 599);
}

TEST_CASE("a malformed packet adds nothing") {
  Fixture f;
  const uint8_t no_frames[] = {3, 0};
  f.transcoder.startAt(5'000);
  CHECK_FALSE(f.transcoder.add({}));
  CHECK_FALSE(f.transcoder.add(no_frames));
  CHECK_FALSE(f.encode());
  f.add();
  CHECK(f.frameTime() == 5'000);
}

TEST_CASE("audio that continues a partial frame keeps its time, audio after a whole one has its own") {
  Fixture f(20, 10);
  f.transcoder.startAt(5'000);
  f.add();
  f.transcoder.startAt(90'000);
  f.add();
  CHECK(f.frameTime() == 5'000);
  f.transcoder.startAt(90'000);
  f.add();
  f.add();
  CHECK(f.frameTime() == 90'000);
}

TEST_CASE("the time of the frames never goes back") {
  Fixture f;
  f.transcoder.startAt(5'000);
  f.add();
  CHECK(f.frameTime() == 5'000);
  f.transcoder.startAt(5'100);
  f.add();
  CHECK(f.frameTime() == 5'960);
}

TEST_CASE("a partial frame is completed as far as there is time, in steps of 2.5 ms") {
  Fixture f(20, 10);
  f.transcoder.startAt(5'000);
  f.add();  // up to 5'480
  CHECK(f.transcoder.completeUntil(5'480 - 120) == 0);
  CHECK(f.transcoder.completeUntil(5'480) == 0);
  CHECK(f.transcoder.completeUntil(5'480 + 119) == 0);
  CHECK(f.transcoder.completeUntil(5'480 + 120) == 120);
  CHECK(f.transcoder.completeUntil(5'480 + 120) == 0);
  CHECK(f.transcoder.completeUntil(5'480 + 479) == 240);
  CHECK_FALSE(f.encode());
  CHECK(f.transcoder.completeUntil(1'000'000) == 120);
  CHECK(f.frameTime() == 5'000);
  CHECK_FALSE(f.encode());
}

TEST_CASE("there is nothing to complete without a partial frame") {
  Fixture f(10, 20);
  f.transcoder.startAt(5'000);
  CHECK(f.transcoder.completeUntil(10'000) == 0);
  f.add();
  CHECK(f.transcoder.completeUntil(10'000) == 0);  // two whole frames
  f.frameTime();
  f.frameTime();
  CHECK(f.transcoder.completeUntil(10'000) == 0);
}

TEST_CASE("missing audio takes its time, with and without LBRR") {
  for (const bool lbrr : {false, true}) {
    Fixture f;
    f.sender.apply({.bandwidth = opus::Bandwidth::kWide,
                    .mode = opus::Mode::kSilk,
                    .fec = true,
                    .expected_loss_percent = 20});
    f.transcoder.startAt(5'000);
    f.add();
    f.packet();  // is lost
    const Payload next = f.packet();
    f.transcoder.addMissing({}, 0);
    f.transcoder.addMissing(lbrr ? Bytes(next) : Bytes(), 960);
    CHECK(f.transcoder.add(next));
    for (uint32_t i = 0; i < 3; ++i) CHECK(f.frameTime() == 5'000 + i * 960);
    CHECK_FALSE(f.encode());
  }
}

TEST_CASE("no more missing audio is added at once than the longest packet has") {
  Fixture f;
  f.transcoder.startAt(5'000);
  f.transcoder.addMissing({}, 1'000'000);
  for (uint32_t i = 0; i < 6; ++i) CHECK(f.frameTime() == 5'000 + i * 960);
  CHECK_FALSE(f.encode());
}

TEST_CASE("a partial frame leaves room for the longest packet") {
  Fixture f(20, 10);
  f.transcoder.startAt(5'000);
  f.add();
  f.transcoder.addMissing({}, media::kMaxPacketSamples);
  for (uint32_t i = 0; i < 6; ++i) CHECK(f.frameTime() == 5'000 + i * 960);
  CHECK_FALSE(f.encode());
  f.add();
  CHECK(f.frameTime() == 5'000 + 6 * 960);
}

TEST_CASE("after a reset the partial frame is gone, and the stream may begin at an earlier time") {
  Fixture f(20, 10);
  f.transcoder.startAt(5'000);
  f.add();
  f.transcoder.reset();
  f.transcoder.startAt(1'000);
  f.add();
  CHECK_FALSE(f.encode());
  f.add();
  CHECK(f.frameTime() == 1'000);
}

TEST_CASE("a reset leaves nothing of the earlier stream in the next one's packets") {
  Fixture used, fresh;
  used.transcoder.startAt(5'000);
  for (int i = 0; i < 10; ++i) {
    used.add();
    used.frameTime();
  }
  used.transcoder.reset();
  used.sender.reset();
  used.spoken = 0;
  for (uint32_t i = 0; i < 5; ++i) {
    used.transcoder.startAt(i * 960);
    fresh.transcoder.startAt(i * 960);
    used.add();
    fresh.add();
    CHECK(used.frameTime() == fresh.frameTime());
    CHECK(used.encoded == fresh.encoded);
  }
}

TEST_CASE("another bandwidth applies to the next frame, in the middle of speech") {
  media::Profile profile{.bandwidth = opus::Bandwidth::kWide, .mode = opus::Mode::kSilk};
  Fixture f;
  f.transcoder.apply(profile);
  f.transcoder.startAt(5'000);
  for (int i = 0; i < 10; ++i) {
    f.add();
    f.frameTime();
    CHECK(opus::parse(f.encoded)->bandwidth == opus::Bandwidth::kWide);
  }
  profile.bandwidth = opus::Bandwidth::kNarrow;
  f.transcoder.apply(profile);
  f.add();
  CHECK(f.frameTime() == 5'000 + 10 * 960);
  CHECK(opus::parse(f.encoded)->bandwidth == opus::Bandwidth::kNarrow);
}

TEST_CASE("another length applies to the audio that waits, and none of it is lost") {
  Fixture f(10, 20);
  f.transcoder.startAt(5'000);
  f.add();
  CHECK(f.frameTime() == 5'000);
  f.transcoder.apply({.frame_ms = 20});
  CHECK_FALSE(f.encode());
  f.add();
  CHECK(f.frameTime() == 5'480);
  CHECK_FALSE(f.encode());
  f.transcoder.apply({.frame_ms = 10});
  CHECK(f.frameTime() == 6'440);
  CHECK_FALSE(f.encode());
}

}  // namespace
}  // namespace sluice::opus_filter
