#include "source/stats/samples.h"

#include <doctest/doctest.h>

namespace sluice::stats {
namespace {

bool contains(const std::string& text, const std::string& part) {
  CAPTURE(text);
  CAPTURE(part);
  const bool found = text.find(part) != std::string::npos;
  CHECK(found);
  return found;
}

size_t count(const std::string& text, std::string_view part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

TEST_CASE("without samples both formats are empty") {
  const Samples samples;
  CHECK(samples.toPrometheus().empty());
  CHECK(samples.toText(true).empty());
}

TEST_CASE("the mean of a histogram has six digits, whatever the metric before it") {
  Samples samples;
  samples.gauge("a", "Help.", {}, 2);
  Histogram histogram;
  histogram.record(10ms);
  histogram.record(20ms);
  HistogramSample sample;
  sample.add(histogram);
  samples.histogram("b", "Help.", {}, sample);
  CHECK(contains(samples.toText(true), "mean=0.015s"));
}

TEST_CASE("Prometheus: counters and gauges have a type, a help text, labels and a value") {
  Samples samples;
  samples.counter("sluice_packets", "Packets.", {{"direction", "in"}, {"port", "7"}}, 3);
  samples.gauge("sluice_sessions", "Sessions.", {}, -2);
  CHECK(samples.toPrometheus() ==
        "# HELP sluice_packets Packets.\n"
        "# TYPE sluice_packets counter\n"
        "sluice_packets{direction=\"in\",port=\"7\"} 3\n"
        "# HELP sluice_sessions Sessions.\n"
        "# TYPE sluice_sessions gauge\n"
        "sluice_sessions -2\n");
}

TEST_CASE("Prometheus: samples of one name are one family, sorted by name, with the first help text") {
  Samples samples;
  samples.counter("b", "First.", {{"x", "1"}}, 1);
  samples.counter("a", "Other.", {}, 5);
  samples.counter("b", "Second.", {{"x", "2"}}, 0);
  CHECK(samples.toPrometheus() ==
        "# HELP a Other.\n# TYPE a counter\na 5\n"
        "# HELP b First.\n# TYPE b counter\nb{x=\"1\"} 1\nb{x=\"2\"} 0\n");
}

TEST_CASE("Prometheus: the values of labels cannot break out of their quotes or their line") {
  Samples samples;
  const std::string name = "a\"b\\c\nd} 9\n";
  samples.gauge("g", "Help.", {{"listener", name}}, 1);
  CHECK(contains(samples.toPrometheus(), "\ng{listener=\"a\\\"b\\\\c\\nd} 9\\n\"} 1\n"));
  CHECK(count(samples.toPrometheus(), "\n") == 3);
}

TEST_CASE("Prometheus: a value of a label is copied") {
  Samples samples;
  std::string value = "before";
  samples.gauge("g", "Help.", {{"x", value}}, 1);
  value = "after!";
  CHECK(contains(samples.toPrometheus(), "g{x=\"before\"} 1\n"));
}

TEST_CASE("Prometheus: large counters are exact") {
  Samples samples;
  samples.counter("c", "Help.", {}, 9'007'199'254'740'991.0);
  CHECK(contains(samples.toPrometheus(), "\nc 9007199254740991\n"));
}

TEST_CASE("Prometheus: the buckets of a histogram are cumulative, the last one has all") {
  Histogram recorded;
  recorded.record(0us);
  recorded.record(-5us);
  recorded.record(1us);
  recorded.record(1h);
  HistogramSample sample;
  sample.add(recorded);
  Samples samples;
  samples.histogram("h", "Help.", {{"x", "y"}}, sample);
  const std::string text = samples.toPrometheus();
  CHECK(contains(text, "# TYPE h histogram\n"));
  CHECK(contains(text, "h_count{x=\"y\"} 4\n"));
  CHECK(contains(text, "h_sum{x=\"y\"} 3600.000001\n"));
  CHECK(count(text, "h_bucket{x=\"y\",le=\"") == Histogram::kBuckets);
  CHECK(contains(text, "le=\"1e-06\"} 2\n"));
  CHECK(contains(text, "le=\"2e-06\"} 3\n"));
  CHECK(contains(text, "le=\"4.194304\"} 3\n"));
  CHECK(contains(text, "le=\"+Inf\"} 4\n"));
}

TEST_CASE("the sample of several histograms is their sum") {
  Histogram first, second;
  first.record(3us);
  second.record(3us);
  second.record(5s);
  HistogramSample sample;
  sample.add(first);
  sample.add(second);
  CHECK(sample.buckets[2] == 2);
  CHECK(sample.buckets[Histogram::kBuckets - 1] == 1);
  CHECK(sample.sum_ns == 5'000'006'000);
}

TEST_CASE("a duration equal to a bucket's bound belongs to the next bucket") {
  for (unsigned i = 0; i + 1 < Histogram::kBuckets; ++i) {
    Histogram histogram;
    histogram.record(Histogram::bound(i) - 1ns);
    CHECK(histogram.bucket(i) == 1);
    histogram.record(Histogram::bound(i));
    CHECK(histogram.bucket(i + 1) == 1);
  }
}

TEST_CASE("text: lines are sorted by name, zeros are left out unless all are wanted") {
  Samples samples;
  samples.gauge("b", "Help.", {{"x", "1"}, {"y", "2"}}, 0.25);
  samples.counter("a", "Help.", {}, 1'000'000'000'000);
  samples.counter("zero", "Help.", {}, 0);
  samples.histogram("silent", "Help.", {}, {});
  CHECK(samples.toText(false) == "a{} 1000000000000\nb{x=1,y=2} 0.2500\n");
  CHECK(samples.toText(true) == "a{} 1000000000000\nb{x=1,y=2} 0.2500\nsilent{} count=0 mean=0s\nzero{} 0\n");
}

TEST_CASE("text: a histogram has its count and mean, and the numbers after it keep their format") {
  Histogram recorded;
  recorded.record(10ms);
  recorded.record(20ms);
  HistogramSample sample;
  sample.add(recorded);
  Samples samples;
  samples.histogram("a", "Help.", {}, sample);
  samples.gauge("b", "Help.", {}, 2);
  samples.gauge("c", "Help.", {}, 1.5);
  samples.gauge("d", "Help.", {}, 3);
  CHECK(samples.toText(false) == "a{} count=2 mean=0.015s\nb{} 2\nc{} 1.5000\nd{} 3\n");
}

}  // namespace
}  // namespace sluice::stats
