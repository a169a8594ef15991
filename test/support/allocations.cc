#include "test/support/allocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

thread_local bool counting = false;
std::atomic<uint64_t> count{0};
std::atomic<uint64_t> bytes{0};

void* allocate(std::size_t size) {
  if (counting) {
    count.fetch_add(1, std::memory_order_relaxed);
    bytes.fetch_add(size, std::memory_order_relaxed);
  }
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) {
  return allocate(size);
}
void* operator new[](std::size_t size) {
  return allocate(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace sluice::test {

void countAllocations(bool on) {
  counting = on;
}
uint64_t allocations() {
  return count.load(std::memory_order_relaxed);
}
uint64_t allocatedBytes() {
  return bytes.load(std::memory_order_relaxed);
}

}  // namespace sluice::test
