#include "source/base/archive.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace sluice {

Descriptors::~Descriptors() {
  if (!owned_) return;
  for (const int fd : all_) {
    if (fd >= 0) close(fd);
  }
}

uint32_t Descriptors::add(int fd) {
  const auto [known, is_new] = places_.try_emplace(fd, static_cast<uint32_t>(all_.size()));
  if (is_new) all_.push_back(fd);
  return known->second;
}

int Descriptors::take(uint32_t place) {
  return place < all_.size() ? std::exchange(all_[place], -1) : -1;
}

void Archive::raw(void* value, size_t size) {
  if (!reading_) {
    written_.append(static_cast<const char*>(value), size);
  } else if (!ok_ || data_.size() < size) {
    ok_ = false;
  } else {
    std::memcpy(value, data_.data(), size);
    data_ = data_.subspan(size);
  }
}

size_t Archive::length(size_t size) {
  auto count = static_cast<uint32_t>(size);
  raw(&count, sizeof count);
  if (reading_ && (!ok_ || count > data_.size())) {
    ok_ = false;
    return 0;
  }
  return count;
}

void Archive::value(std::string& v) {
  const size_t size = length(v.size());
  if (reading_) v.resize(size);
  raw(v.data(), size);
}

void Archive::descriptor(int& fd) {
  uint32_t place = reading_ || fd < 0 ? UINT32_MAX : descriptors_.add(fd);
  raw(&place, sizeof place);
  if (reading_) fd = ok_ ? descriptors_.take(place) : -1;
}

}  // namespace sluice
