// A table of the effect of a bad line on speech, with each strategy.
//   bazel run -c opt //test/bench:quality -- [--quick] [--dtx]
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "test/bench/quality/metrics.h"
#include "test/bench/quality/simulation.h"

namespace sluice::quality {
namespace {

struct Speaker {
  const char* voice;
  const char* text;
};

// Harvard sentences, and German ones.
constexpr Speaker kSpeakers[] = {
    {"en-us+m3",
     "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. It is easy to "
     "tell the "
     "depth of a well. These days a chicken leg is a rare dish. Rice is often served in round bowls. The "
     "juice of "
     "lemons makes fine punch. The box was thrown beside the parked truck. The hogs were fed chopped corn "
     "and "
     "garbage. Four hours of steady work faced us. A large size in stockings is hard to sell."},
    {"en-gb+f3",
     "The boy was there when the sun rose. A rod is used to catch pink salmon. The source of the huge river "
     "is the "
     "clear spring. Kick the ball straight and follow through. Help the woman get back to her feet. A pot of "
     "tea "
     "helps to pass the evening. Smoky fires lack flame and heat. The soft cushion broke the man's fall. The "
     "salt "
     "breeze came across from the sea. The girl at the booth sold fifty bonds."},
    {"de+m5",
     "Heute ist schönes Frühlingswetter. Die Sonne lacht. Am blauen Himmel ziehen die Wolken. Über die "
     "Felder weht "
     "ein Wind. Gestern stürmte es noch. Montag war es uns zu regnerisch. Riecht ihr nicht die frische Luft? "
     "Die "
     "Nacht haben Maiers gut geschlafen. Jetzt sitzen sie beim Frühstück. Es ist acht Uhr morgens."},
    {"fr-fr+f2",
     "La vaisselle propre est mise sur l'évier. Le courrier arrive en retard en ce moment. Il se garantira "
     "du froid "
     "avec ce bon capuchon. Annie s'ennuie loin de mes parents. Les deux camions se sont heurtés de face. Un "
     "loup "
     "s'est jeté immédiatement sur la petite chèvre."},
};

Line line(const char* name, impair::GilbertElliott loss, Duration jitter, Duration delay = 20ms) {
  return {.name = name, .forward = {.loss = loss, .delay = delay, .max_jitter = jitter}};
}

std::vector<Line> lines(bool quick) {
  const auto uniform = impair::GilbertElliott::uniform;
  const auto bursts = impair::GilbertElliott::bursts;
  if (quick) {
    return {line("no loss", {}, 0ms), line("10 % loss", uniform(0.1), 0ms),
            line("10 % loss, bursts of 3", bursts(0.1, 3), 0ms)};
  }
  return {line("no loss", {}, 0ms),
          line("3 % loss", uniform(0.03), 0ms),
          line("10 % loss", uniform(0.1), 0ms),
          line("20 % loss", uniform(0.2), 0ms),
          line("30 % loss", uniform(0.3), 0ms),
          line("10 % loss, bursts of 3", bursts(0.1, 3), 0ms),
          line("20 % loss, bursts of 3", bursts(0.2, 3), 0ms),
          line("30 ms jitter", {}, 30ms),
          line("60 ms jitter", {}, 60ms),
          line("100 ms jitter", {}, 100ms),
          line("10 % loss, 60 ms jitter", uniform(0.1), 60ms),
          line("10 % loss, round trip 120 ms", uniform(0.1), 0ms, 60ms)};
}

// One voice's speech, encoded in the ways that the strategies need.
struct Piece {
  Samples samples;
  std::map<bool, std::vector<Payload>> speech;  // by fec
  std::map<bool, Samples> clean;
};

// With a pause after each sentence.
Samples speakWithPauses(const Speaker& speaker) {
  Samples out;
  std::string rest = speaker.text;
  for (size_t pause = 0; !rest.empty(); ++pause) {
    const size_t end = std::min(rest.find('.'), rest.size() - 1) + 1;
    const Samples sentence = speak(speaker.voice, rest.substr(0, end).c_str());
    out.insert(out.end(), sentence.begin(), sentence.end());
    out.insert(out.end(), kRate * (8 + 3 * (pause % 4)) / 10, 0);
    rest.erase(0, end);
    rest.erase(0, rest.find_first_not_of(' '));
  }
  return out;
}

std::vector<Piece> pieces(bool quick, bool dtx) {
  std::vector<Piece> out;
  for (const Speaker& speaker : kSpeakers) {
    Piece piece{dtx ? speakWithPauses(speaker) : speak(speaker.voice, speaker.text), {}, {}};
    for (const bool fec : {false, true}) {
      piece.speech[fec] = encode(piece.samples, profile(fec));
      piece.clean[fec] = decode(piece.speech[fec]);
      if (dtx) piece.speech[fec] = withPauses(piece.samples, std::move(piece.speech[fec]));
    }
    out.push_back(std::move(piece));
    if (quick) break;
  }
  return out;
}

// The mean of a strategy over all voices.
struct Row {
  double frames = 0, concealed = 0, recovered = 0, retransmitted = 0, too_late = 0, bytes = 0;
  double stretched_ms = 0;
  double lsd = 0, snr = 0;
  std::vector<Duration> delays;

  void add(const Outcome& outcome, const Difference& difference) {
    const auto weight = static_cast<double>(outcome.frames);
    frames += weight;
    concealed += static_cast<double>(outcome.concealed);
    recovered += static_cast<double>(outcome.recovered);
    retransmitted += static_cast<double>(outcome.retransmitted);
    too_late += static_cast<double>(outcome.too_late);
    bytes += static_cast<double>(outcome.bytes);
    stretched_ms += std::chrono::duration<double, std::milli>(outcome.stretched).count();
    lsd += difference.log_spectral_distance_db * weight;
    snr += difference.segmental_snr_db * weight;
    delays.insert(delays.end(), outcome.delays.begin(), outcome.delays.end());
  }

  void print(const std::string& name, double plain_bytes) {
    const auto ms = [](Duration d) { return std::chrono::duration<double, std::milli>(d).count(); };
    std::sort(delays.begin(), delays.end());
    double sum = 0;
    for (const Duration delay : delays) sum += ms(delay);
    const double mean = delays.empty() ? 0 : sum / static_cast<double>(delays.size());
    const double p95 = delays.empty() ? 0 : ms(delays[delays.size() * 95 / 100]);
    std::printf("  %-11s %9.2f %9.2f %9.2f %6.2f %8.1f %7.1f %6.1f %9.1f %7.2f %5.0f\n", name.c_str(),
                100 * concealed / frames, 100 * recovered / frames, stretched_ms / frames / 0.2, lsd / frames,
                snr / frames, mean, p95, 100 * (bytes / plain_bytes - 1), 100 * retransmitted / frames,
                too_late);
  }
};

void run(bool quick, bool dtx) {
  const auto voices = pieces(quick, dtx);
  size_t frames = 0;
  for (const Piece& piece : voices) frames += piece.speech.at(false).size();
  std::printf(
      "%zu voices, %.0f s of speech%s; Opus 32 kb/s, 20 ms; one way 20 ms unless said\n"
      "delay: from sending to playing, without the line's; after the first 8 s of each voice\n\n",
      voices.size(), static_cast<double>(frames) * 0.02, dtx ? " and pauses, which are not sent (DTX)" : "");
  const char* const heads[][11] = {{"strategy", "concealed", "recovered", "stretched", "LSD", "seg.SNR",
                                    "delay", "p95", "overhead", "resent", "late"},
                                   {"", "%", "%", "%", "dB", "dB", "ms", "ms", "%", "%", ""}};
  for (const auto& h : heads) {
    std::printf("  %-11s %9s %9s %9s %6s %8s %7s %6s %9s %7s %5s\n", h[0], h[1], h[2], h[3], h[4], h[5], h[6],
                h[7], h[8], h[9], h[10]);
  }
  std::printf("\nstretched: by how much speech became longer because a buffer began to wait longer\n");
  for (const Line& each : lines(quick)) {
    std::printf("\n%s\n", each.name.c_str());
    double plain_bytes = 0;
    for (const Strategy& strategy : strategies()) {
      Row row;
      for (uint64_t seed = 1; const Piece& piece : voices) {
        const Outcome outcome = simulate(piece.speech.at(strategy.fec), each, strategy, seed++);
        row.add(outcome, compare(piece.clean.at(strategy.fec), outcome.heard));
      }
      if (plain_bytes == 0) plain_bytes = row.bytes;  // the first strategy is none
      row.print(strategy.name, plain_bytes);
    }
  }
}

// For programs that compare others on the same lines: the lines' names.
void printLines(bool quick) {
  for (const Line& each : lines(quick)) std::printf("%s\n", each.name.c_str());
}

// The packets that arrive from all voices, one after another, with the same outcomes as in the table: time
// (in microseconds), sequence number, timestamp, payload. False if there is no such line.
bool printStream(const char* name) {
  const auto all = lines(false);
  const auto line = std::ranges::find(all, name, &Line::name);
  if (line == all.end()) return false;
  size_t first = 0;
  for (uint64_t seed = 1; const Piece& piece : pieces(false, false)) {
    impair::Impairment impairment(line->forward, seed++);
    const auto& speech = piece.speech.at(false);
    for (size_t n = 0; n < speech.size(); ++n) {
      const size_t frame = first + n;
      const Instant now{kFrame * static_cast<int64_t>(frame)};
      for (const impair::Outcome& outcome : impairment.decide(speech[n].size(), now)) {
        if (outcome.kind != impair::Outcome::kPassed) continue;
        std::printf("%lld %zu %zu ", static_cast<long long>(outcome.release.time_since_epoch() / 1us),
                    frame & 0xFFFF, frame * kFrameSamples);
        for (const uint8_t byte : speech[n]) std::printf("%02x", byte);
        std::printf("\n");
      }
    }
    first += speech.size();
  }
  return true;
}

}  // namespace
}  // namespace sluice::quality

int main(int argc, char** argv) {
  bool quick = false;
  bool dtx = false;
  bool only_lines = false;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--quick") == 0) {
      quick = true;
    } else if (std::strcmp(argv[i], "--dtx") == 0) {
      dtx = true;
    } else if (std::strcmp(argv[i], "--lines") == 0) {
      only_lines = true;
    } else if (std::strcmp(argv[i], "--stream") == 0 && i + 1 < argc) {
      return sluice::quality::printStream(argv[i + 1]) ? 0 : 1;
    } else {
      std::fprintf(stderr, "usage: %s [--quick] [--dtx] [--lines] [--stream LINE]\n", argv[0]);
      return 2;
    }
  }
  only_lines ? sluice::quality::printLines(quick) : sluice::quality::run(quick, dtx);
  return 0;
}
