// One session in two processes: what every filter's test of a takeover needs.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <memory>

#include "test/support/harness.h"

namespace sluice::test {

// A chain that reads `saved`, each time one that `make` made, with the state of every filter in it cut at
// every byte in turn: none takes a part for the whole.
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
    // Nor is what is too long its own.
    SavedChain longer{"", saved.filters, {}};
    longer.filters[i].state += '\0';
    std::unique_ptr<ChainHarness> chain = make();
    readable += chain->load(longer) == saved.filters[i].name ? 0 : 1;
  }
  CHECK(readable == 0);
}

}  // namespace sluice::test
