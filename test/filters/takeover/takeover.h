// One session in two processes: the parts that every filter's takeover test needs.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <memory>

#include "test/support/harness.h"

namespace sluice::test {

// A chain that reads `saved`, each time a new one from `make`, with the state of every filter in it truncated
// at every byte: no filter accepts truncated state.
template <typename Make>
void checkCuts(const SavedChain& saved, Make make) {
  REQUIRE(saved.lost == "");
  size_t readable = 0;
  for (size_t i = 0; i < saved.filters.size(); ++i) {
    for (size_t size = 0; size < saved.filters[i].state.size(); ++size) {
      SavedChain cut{"", saved.filters, {}};
      cut.filters[i].state.resize(size);
      std::unique_ptr<ChainHarness> chain = make();
      readable += chain->load(cut) == saved.filters[i].name ? 0 : 1;
    }
    // Nor is longer state accepted.
    SavedChain longer{"", saved.filters, {}};
    longer.filters[i].state += '\0';
    std::unique_ptr<ChainHarness> chain = make();
    readable += chain->load(longer) == saved.filters[i].name ? 0 : 1;
  }
  CHECK(readable == 0);
}

}  // namespace sluice::test
