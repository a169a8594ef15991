// Runs a fuzz target without a fuzzer: the seeds, then mutations of them and random inputs, the same ones
// every time.
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Input = std::vector<uint8_t>;
constexpr size_t kMaxInput = 1600;

Input mutate(const Input& seed, std::mt19937& random) {
  Input input = seed;
  const auto below = [&](size_t n) { return n == 0 ? 0 : random() % n; };
  for (size_t left = 1 + below(6); left > 0; --left) {
    switch (below(5)) {
      case 0:
        if (!input.empty()) input[below(input.size())] = static_cast<uint8_t>(random());
        break;
      case 1:
        if (!input.empty()) input[below(input.size())] ^= static_cast<uint8_t>(1u << below(8));
        break;
      case 2:
        input.resize(below(input.size() + 1));
        break;
      case 3:
        for (size_t n = below(16); n > 0 && input.size() < kMaxInput; --n) {
          input.insert(input.begin() + static_cast<ptrdiff_t>(below(input.size() + 1)),
                       static_cast<uint8_t>(random()));
        }
        break;
      default:
        if (input.size() > 2) {  // lengths are the most likely cause of parser errors
          const size_t at = below(input.size() - 1);
          input[at] = random() % 2 == 0 ? 0xFF : 0;
          input[at + 1] = static_cast<uint8_t>(random());
        }
    }
  }
  return input;
}

void run(const Input& input) {
  LLVMFuzzerTestOneInput(input.data(), input.size());
}

}  // namespace

int main(int argc, char** argv) {
  const char* wanted = std::getenv("FUZZ_RUNS");
  const size_t runs = wanted != nullptr ? std::strtoul(wanted, nullptr, 10) : 20'000;
  std::vector<Input> seeds{{}};
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    if (!file) {
      std::cerr << argv[i] << " cannot be read\n";
      return 1;
    }
    seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  for (const Input& seed : seeds) run(seed);
  std::mt19937 random(20'240);
  for (size_t i = 0; i < runs; ++i) {
    if (i % 8 == 0) {
      Input input(random() % kMaxInput);
      for (uint8_t& byte : input) byte = static_cast<uint8_t>(random());
      run(input);
    } else {
      run(mutate(seeds[random() % seeds.size()], random));
    }
  }
  std::cout << seeds.size() << " seeds, " << runs << " mutations\n";
}
