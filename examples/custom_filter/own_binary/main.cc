// Sluice with an additional filter.
#include "filters/builtin.h"
#include "rate_limit.h"
#include "source/server/run.h"

int main(int argc, char** argv) {
  sluice::chain::Registry registry = sluice::builtinFilters();
  registry.add(example::rateLimit());
  return sluice::server::run(argc, argv, registry);
}
