#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

#include "test/bench/quality/metrics.h"
#include "test/bench/quality/simulation.h"

namespace sluice::quality {
namespace {

// Ten seconds of a vowel-like sound whose pitch and loudness vary.
Samples vowel() {
  Samples out(size_t{10} * kRate);
  double phase = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    const double t = static_cast<double>(i) / kRate;
    phase += 2 * std::numbers::pi * (130 + 30 * std::sin(2 * t)) / kRate;
    double sum = 0;
    for (int k = 1; k <= 20; ++k) sum += std::sin(k * phase) / k;
    out[i] = static_cast<int16_t>(6000 * sum * (0.6 + 0.4 * std::sin(7 * t)));
  }
  return out;
}

struct Result {
  Outcome outcome;
  Difference difference;
};

const std::vector<Payload>& speech(bool fec) {
  static const std::vector<Payload> kSpeech[] = {encode(vowel(), profile(false)),
                                                 encode(vowel(), profile(true))};
  return kSpeech[fec];
}

Result hear(const std::string& name, const impair::Impairment::Config& line) {
  for (const Strategy& strategy : strategies()) {
    if (strategy.name != name) continue;
    const auto& sent = speech(strategy.fec);
    Outcome outcome = simulate(sent, {.name = "", .forward = line}, strategy, 1);
    const Difference difference = compare(decode(sent), outcome.heard);
    return {std::move(outcome), difference};
  }
  FAIL("no strategy is named so");
  return {};
}

TEST_CASE("over a good line every strategy plays exactly the decoded audio") {
  for (const Strategy& strategy : strategies()) {
    CAPTURE(strategy.name);
    const auto [outcome, difference] = hear(strategy.name, {.delay = 20ms});
    CHECK(outcome.concealed == 0);
    CHECK(outcome.retransmitted == 0);
    CHECK(difference.log_spectral_distance_db == 0);
    CHECK(difference.segmental_snr_db == 35);
    CHECK(outcome.heard.size() == 500 * kFrameSamples);
    CHECK(outcome.delays.back() <= 120ms);
  }
}

TEST_CASE("over a line that loses a tenth, each strategy recovers more than none does") {
  const impair::Impairment::Config line{.loss = impair::GilbertElliott::uniform(0.1), .delay = 20ms};
  const auto [none, worst] = hear("none", line);
  CHECK(none.concealed == doctest::Approx(50).epsilon(0.4));
  for (const char* name : {"fec", "red1", "red2", "nack", "nack+fec", "jb+fec", "jb+red1", "conceal+fec",
                           "repair nack", "repair red", "repair all"}) {
    CAPTURE(name);
    const auto [outcome, difference] = hear(name, line);
    CHECK(outcome.concealed < none.concealed / 2);
    CHECK(difference.log_spectral_distance_db < worst.log_spectral_distance_db);
    CHECK(difference.segmental_snr_db > worst.segmental_snr_db);
    CHECK(outcome.too_late == 0);
  }
}

TEST_CASE("CONCEAL is as good as the decoder's own concealment, and better where there is LBRR") {
  const impair::Impairment::Config line{.loss = impair::GilbertElliott::uniform(0.1), .delay = 20ms};
  const auto [none, without] = hear("none", line);
  const auto [concealed, same] = hear("conceal", line);
  CHECK(concealed.concealed == none.concealed);
  CHECK(same.log_spectral_distance_db == doctest::Approx(without.log_spectral_distance_db));
  const auto [recovered, better] = hear("conceal+fec", line);
  CHECK(recovered.recovered > none.concealed / 2);
  CHECK(better.log_spectral_distance_db < without.log_spectral_distance_db / 1.5);
}

TEST_CASE("redundancy costs the expected bytes") {
  const size_t none = hear("none", {}).outcome.bytes;
  const size_t red1 = hear("red1", {}).outcome.bytes;
  const size_t red2 = hear("red2", {}).outcome.bytes;
  CHECK(red1 > none * 1.3);
  CHECK(red2 - none == doctest::Approx(2.0 * static_cast<double>(red1 - none)).epsilon(0.01));
}

TEST_CASE("the repair filter recovers about as much as its model, and sends nothing late") {
  for (const double loss : {0.05, 0.1, 0.2}) {
    CAPTURE(loss);
    const impair::Impairment::Config line{.loss = impair::GilbertElliott::uniform(loss), .delay = 20ms};
    const auto model = hear("nack", line).outcome;
    const auto filter = hear("repair nack", line).outcome;
    CHECK(static_cast<double>(filter.concealed) <= 1.3 * static_cast<double>(model.concealed) + 5);
    CHECK(filter.retransmitted > 0);
    CHECK(filter.too_late == 0);
  }
}

TEST_CASE("repair recovers as much with discontinuous transmission as without") {
  Samples samples;
  for (int spurt = 0; spurt < 20; ++spurt) {
    const Samples sound = vowel();
    samples.insert(samples.end(), sound.begin(), sound.begin() + kRate);
    samples.insert(samples.end(), kRate, 0);
  }
  const std::vector<Payload> sent = withPauses(samples, encode(samples, profile(false)));
  CHECK(std::ranges::count(sent, Payload{}) > 20 * 20);  // of 50 frames in each pause
  const auto concealed = [&](const char* name, double loss) {
    const auto all = strategies();
    const auto strategy = std::ranges::find(all, name, &Strategy::name);
    const impair::Impairment::Config line{.loss = impair::GilbertElliott::uniform(loss), .delay = 20ms};
    return simulate(sent, {.name = "", .forward = line}, *strategy, 1).concealed;
  };
  for (const char* name : {"none", "repair nack", "conceal"}) {
    CAPTURE(name);
    CHECK(concealed(name, 0) == 0);
  }
  CHECK(concealed("repair nack", 0.1) < concealed("none", 0.1) / 3);
  CHECK(concealed("conceal", 0.1) < concealed("none", 0.1));
}

TEST_CASE("packets that cannot arrive in time are not requested") {
  const auto [outcome, difference] =
      hear("nack", {.loss = impair::GilbertElliott::uniform(0.1), .delay = 60ms});
  CHECK(outcome.concealed > 0);
  CHECK(outcome.retransmitted == 0);
  CHECK(outcome.too_late == 0);
}

TEST_CASE("the adaptive buffer holds packets no longer than necessary") {
  const auto [quiet, same] = hear("jb", {.delay = 20ms});
  CHECK(quiet.delays.back() <= 20ms);
  CHECK(quiet.stretched == Duration::zero());
  const auto [outcome, difference] = hear("jb", {.delay = 20ms, .max_jitter = 60ms});
  CHECK(outcome.concealed < 5);
  CHECK(outcome.delays.back() > 40ms);
  CHECK(outcome.delays.back() < 80ms);
}

TEST_CASE("a wave file from a stream, without a valid length, is read") {
  std::vector<uint8_t> wav;
  const auto text = [&](const char* letters) { wav.insert(wav.end(), letters, letters + 4); };
  const auto number = [&](uint32_t value, int size) {
    for (; size > 0; --size, value >>= 8) wav.push_back(static_cast<uint8_t>(value));
  };
  text("RIFF");
  number(0x7FFFF000, 4);
  text("WAVE");
  text("fmt ");
  number(16, 4);
  number(1, 2);
  number(1, 2);
  number(24'000, 4);
  number(48'000, 4);
  number(2, 2);
  number(16, 2);
  text("data");
  number(0x7FFFF000, 4);
  for (int i = 0; i < 240; ++i) number(static_cast<uint16_t>(1000), 2);
  const Samples samples = readWav(wav);
  REQUIRE(samples.size() == 480);
  for (size_t i = 64; i < 416; ++i) CHECK(std::abs(samples[i] - 1000) < 15);
  CHECK(readWav(std::vector<uint8_t>(100)).empty());
}

}  // namespace
}  // namespace sluice::quality
