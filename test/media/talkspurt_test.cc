#include "source/media/talkspurt.h"

#include <doctest/doctest.h>

#include <string>

namespace sluice::media {
namespace {

constexpr Frame kVoice{.duration = 20ms, .dtx = false};
constexpr Frame kDtx{.duration = 20ms, .dtx = true};

Talkspurt begin(const Frame& frame) {
  Talkspurt talkspurt;
  talkspurt.begin(frame);
  return talkspurt;
}

// Speech of a sender that began an earlier pause with a DTX packet.
Talkspurt afterPause() {
  Talkspurt talkspurt = begin(kDtx);
  talkspurt.advance(1, 400ms, kVoice);
  return talkspurt;
}

TEST_CASE("missing packets of speech should have arrived one frame apart") {
  const Talkspurt talkspurt = begin(kVoice);
  CHECK(talkspurt.age(0, 4, 80ms) == 0ms);
  CHECK(talkspurt.age(1, 4, 80ms) == 20ms);
  CHECK(talkspurt.age(3, 4, 80ms) == 60ms);
}

TEST_CASE("when the frames became shorter, missing packets are not older than the timestamps allow") {
  const Talkspurt talkspurt = begin({.duration = 60ms, .dtx = false});
  CHECK(talkspurt.age(1, 3, 60ms) == 20ms);
  CHECK(talkspurt.age(2, 3, 60ms) == 40ms);
}

TEST_CASE("timestamps that stand still or go back say nothing about missing packets") {
  const Talkspurt talkspurt = begin(kVoice);
  CHECK(talkspurt.age(2, 3, 0ms) == 40ms);
  CHECK(talkspurt.age(2, 3, -1s) == 40ms);
}

TEST_CASE("a sender is expected to begin a pause with a packet only after it did so") {
  CHECK_FALSE(begin(kVoice).continues());
  CHECK_FALSE(begin(kDtx).continues());  // the pause: nothing follows at once
  CHECK(afterPause().continues());
}

TEST_CASE("the missing packet that began a pause is as old as the pause") {
  const Talkspurt talkspurt = afterPause();
  CHECK(talkspurt.age(1, 2, 400ms) == 380ms);
  CHECK(talkspurt.age(2, 3, 400ms) == 380ms);
  CHECK(talkspurt.age(1, 3, 400ms) == 20ms);  // it ended the pause
}

TEST_CASE("a gap one frame longer than its packets is not a pause yet") {
  const Talkspurt talkspurt = afterPause();
  CHECK(talkspurt.age(1, 2, 60ms) == 20ms);
  CHECK(talkspurt.age(1, 2, 60ms + 1ns) == 40ms + 1ns);
}

TEST_CASE("after a DTX packet, the first missing packet ended the pause") {
  Talkspurt talkspurt = afterPause();
  talkspurt.advance(1, 20ms, kDtx);
  CHECK_FALSE(talkspurt.continues());
  CHECK(talkspurt.age(1, 2, 400ms) == 20ms);
}

TEST_CASE("a sender that begins a pause without a packet is not expected to send one any more") {
  Talkspurt talkspurt = afterPause();
  talkspurt.advance(1, 40ms, kVoice);  // no pause
  CHECK(talkspurt.continues());
  talkspurt.advance(1, 40ms + 1ns, kVoice);
  CHECK_FALSE(talkspurt.continues());
  CHECK(talkspurt.age(1, 2, 400ms) == 20ms);
  talkspurt.advance(1, 20ms, kDtx);
  talkspurt.advance(1, 400ms, kVoice);
  CHECK(talkspurt.continues());
}

TEST_CASE("a pause whose first packet may be missing, or was a DTX packet, is no reason to expect none") {
  Talkspurt talkspurt = afterPause();
  talkspurt.advance(2, 400ms, kVoice);
  CHECK(talkspurt.continues());
  talkspurt.advance(1, 20ms, kDtx);
  talkspurt.advance(1, 400ms, kVoice);
  CHECK(talkspurt.continues());
}

TEST_CASE("a stream that begins again is expected to send nothing that the earlier one sent") {
  Talkspurt talkspurt = afterPause();
  talkspurt.begin({.duration = 60ms, .dtx = false});
  CHECK_FALSE(talkspurt.continues());
  CHECK(talkspurt.frame() == 60ms);
}

TEST_CASE("a talkspurt continues in another process") {
  Talkspurt old = afterPause();
  Descriptors none;
  Archive out(none);
  old.archive(out);
  const std::string saved = out.takeBytes();
  Talkspurt fresh = begin({.duration = 60ms, .dtx = true});
  Archive in(asBytes(saved), none);
  fresh.archive(in);
  CHECK(in.ok());
  CHECK(in.atEnd());
  CHECK(fresh.continues());
  CHECK(fresh.age(1, 2, 400ms) == 380ms);
}

}  // namespace
}  // namespace sluice::media
