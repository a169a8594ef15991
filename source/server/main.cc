// The sluice binary with the built-in filters.
#include "filters/builtin.h"
#include "source/server/run.h"

int main(int argc, char** argv) {
  return sluice::server::run(argc, argv, sluice::builtinFilters());
}
