// Counts calls of operator new on threads that enable it. Link //test/support:allocations once into a test.
#pragma once

#include <cstdint>

namespace sluice::test {

// Starts or stops counting this thread's allocations.
void countAllocations(bool on);
uint64_t allocations();     // of all threads that counted
uint64_t allocatedBytes();  // likewise; it includes memory that was freed since

}  // namespace sluice::test
