// The opus filter under test: voice, RTP, a line and a manual clock.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "filters/opus/opus.h"
#include "source/codec/opus_toc.h"
#include "source/media/opus_decoder.h"
#include "source/media/opus_encoder.h"
#include "source/media/profile.h"
#include "test/support/harness.h"
#include "test/support/voice_signal.h"

namespace sluice::test {

using Payload = std::vector<uint8_t>;
using Recording = std::vector<int16_t>;

inline constexpr uint32_t kSsrc = 0x1234;
inline constexpr uint8_t kOpus = 111;
inline constexpr media::Profile kWithLbrr{.bandwidth = opus::Bandwidth::kWide,
                                          .mode = opus::Mode::kSilk,
                                          .fec = true,
                                          .expected_loss_percent = 10,
                                          .bitrate_bps = 28'000};

inline std::vector<Payload> encode(const Recording& pcm, const media::Profile& profile) {
  media::OpusEncoder encoder;
  encoder.apply(profile);
  std::vector<Payload> packets;
  uint8_t buffer[media::kMaxOpusFrame];
  for (size_t at = 0; at + profile.samples() <= pcm.size(); at += profile.samples()) {
    packets.emplace_back(buffer, buffer + encoder.encode({&pcm[at], profile.samples()}, buffer));
  }
  return packets;
}

inline Payload rtpPacket(uint16_t sequence, uint32_t timestamp, Bytes payload, uint32_t ssrc = kSsrc,
                         uint8_t type = kOpus) {
  const uint8_t level[] = {0x85};
  const rtp::ExtensionElement extension{1, level};
  const rtp::Header header{.payload_type = type,
                           .sequence = sequence,
                           .timestamp = timestamp,
                           .ssrc = ssrc,
                           .csrcs = {},
                           .extensions = {&extension, 1}};
  Payload bytes(header.size() + payload.size());
  rtp::write(header, bytes.data());
  std::copy(payload.begin(), payload.end(), bytes.begin() + static_cast<ptrdiff_t>(header.size()));
  return bytes;
}

struct OpusFixture {
  ManualClock clock;
  FakeWorker worker{clock};
  ChainHarness chain;
  uint16_t first_sequence = 65'530;  // both wrap soon
  uint32_t first_timestamp = 0xFFFFFF00u;
  uint32_t frame = 960;

  explicit OpusFixture(const std::string& config) : chain(worker, {{opus_filter::filterType(), config}}) {}

  void advance(Duration by) {
    for (; by > Duration::zero(); by -= 1ms) {
      clock.advance(1ms);
      worker.timers().run();
    }
  }
  Payload packet(size_t i, Bytes payload) const {
    return rtpPacket(static_cast<uint16_t>(first_sequence + i),
                     first_timestamp + static_cast<uint32_t>(i) * frame, payload);
  }
  // Sends each packet that is not empty at its time, and lets the remaining time pass.
  void play(const std::vector<Payload>& payloads) {
    for (size_t i = 0; i < payloads.size(); ++i) {
      if (!payloads[i].empty()) chain.ingress(packet(i, payloads[i]));
      advance(frame / 48 * 1ms);
    }
    advance(1s);
  }
  rtp::Packet out(size_t i) const { return *rtp::parse(chain.inner[i].data); }
  uint64_t dropped(std::string_view reason) const { return chain.dropped("opus", reason); }
  uint64_t counted(std::string_view name, std::string_view value = {}) const {
    return chain.counted("opus", name, value);
  }
  std::string described(const std::string& field) {
    chain::Description description;
    chain.chain().forEach(
        [&](const std::string&, const chain::Filter& filter) { filter.describe(description); });
    for (const auto& [name, value] : description) {
      if (name == field) return value;
    }
    return "";
  }
};

inline rooms::PlayerPtr makePlayer(std::vector<uint32_t> slots = {}) {
  rooms::Negotiated negotiated;
  negotiated.sending.emplace();
  negotiated.sending->opus_payload_type = 96;
  for (const uint32_t ssrc : slots) {
    rooms::Slot slot;
    slot.ssrc = ssrc;
    slot.opus_payload_type = 97;
    negotiated.slots.push_back(slot);
  }
  return std::make_shared<rooms::Player>(std::make_shared<rooms::Room>("room", 1), "player", negotiated);
}

// Decodes the output as a receiver without a buffer does; missing packets are concealed.
inline Recording listen(const std::vector<Captured>& packets, uint32_t first_timestamp, size_t frames) {
  std::map<uint32_t, Payload> by_time;
  for (const Captured& captured : packets) {
    const auto packet = *rtp::parse(captured.data);
    by_time[packet.timestamp - first_timestamp] = {packet.payload.begin(), packet.payload.end()};
  }
  media::OpusDecoder decoder;
  Recording heard(frames * 960);
  for (size_t i = 0; i < frames; ++i) {
    const media::MutablePcm out(&heard[i * 960], 960);
    const auto it = by_time.find(static_cast<uint32_t>(i * 960));
    if (it == by_time.end() || decoder.decode(it->second, out) != 960) decoder.conceal(out);
  }
  return heard;
}

}  // namespace sluice::test
