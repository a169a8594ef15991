// Runs a fuzz target without libFuzzer: on every file that the command line names, and on mutations of them
// that are the same in every run.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr int kMutations = 20'000;

using Input = std::vector<uint8_t>;

// A copy on the heap of exactly this size, so that AddressSanitizer sees a read beyond it.
void run(const Input& input) {
  const Input exact(input);
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

class Mutator {
 public:
  explicit Mutator(const std::vector<Input>& seeds) : seeds_(seeds) {}

  Input next() {
    Input input = seeds_[below(seeds_.size())];
    for (size_t i = 0, n = 1 + below(4); i < n; ++i) mutate(input);
    return input;
  }

 private:
  size_t below(size_t limit) { return limit == 0 ? 0 : random_() % limit; }
  uint8_t byte() {
    constexpr uint8_t kTelling[] = {0, 1, 0x7f, 0x80, 0xff, '\n', ' ', '='};
    return below(2) ? kTelling[below(sizeof kTelling)] : static_cast<uint8_t>(below(256));
  }

  void mutate(Input& input) {
    const size_t at = below(input.size() + 1);
    const auto here = input.begin() + static_cast<std::ptrdiff_t>(at);
    switch (below(6)) {
      case 0:
        if (at < input.size()) input[at] ^= static_cast<uint8_t>(1u << below(8));
        break;
      case 1:
        if (at < input.size()) input[at] = byte();
        break;
      case 2:
        input.insert(here, 1 + below(8), byte());
        break;
      case 3:
        input.erase(here,
                    here + static_cast<std::ptrdiff_t>(below(std::min<size_t>(32, input.size() - at) + 1)));
        break;
      case 4:
        input.resize(at);
        break;
      default: {
        const Input& other = seeds_[below(seeds_.size())];
        const size_t from = below(other.size() + 1),
                     length = below(std::min<size_t>(256, other.size() - from) + 1);
        input.insert(here, other.begin() + static_cast<std::ptrdiff_t>(from),
                     other.begin() + static_cast<std::ptrdiff_t>(from + length));
      }
    }
  }

  const std::vector<Input>& seeds_;
  std::mt19937 random_{1};  // NOLINT(cert-msc51-cpp): the same in every run
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<Input> seeds{{}};
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    if (!file) return std::fprintf(stderr, "cannot read %s\n", argv[i]), 1;
    seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  for (const Input& seed : seeds) run(seed);
  Mutator mutator(seeds);
  for (int i = 0; i < kMutations; ++i) run(mutator.next());
  std::printf("%zu seeds, %d mutations\n", seeds.size(), kMutations);
}
