// Counts calls of operator new on threads that ask for it. Link //test/support:allocations once into a test.
#pragma once

#include <cstdint>

namespace sluice::test {

// From now on this thread's allocations count, or no longer do.
void countAllocations(bool on);
uint64_t allocations();     // of all threads that counted
uint64_t allocatedBytes();  // likewise; what was freed since is still in it

}  // namespace sluice::test
