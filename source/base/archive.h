// Serializes state for a handover to another process of Sluice. A class names its members in one function,
// `void archive(Archive&)`, which both writes and reads. Not meant for untrusted bytes, but reading any bytes
// is safe: it only makes ok() false. Numbers are stored as in memory: both processes run on one machine.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "source/base/bytes.h"
#include "source/base/clock.h"
#include "source/base/enum_size.h"

namespace sluice {

// File descriptors that belong to archives. Owns those that were not taken.
class Descriptors {
 public:
  Descriptors() = default;
  explicit Descriptors(std::vector<int> owned) : all_(std::move(owned)), owned_(true) {}
  ~Descriptors();
  Descriptors(const Descriptors&) = delete;
  Descriptors& operator=(const Descriptors&) = delete;

  // Writing: the index of `fd`, which the caller still owns; each descriptor has one index.
  uint32_t add(int fd);
  // Reading: the descriptor at an index, which the caller then owns; -1 if it was taken before or there is
  // none.
  int take(uint32_t place);
  const std::vector<int>& all() const { return all_; }

 private:
  std::vector<int> all_;
  std::unordered_map<int, uint32_t> places_;  // for writing
  bool owned_ = false;
};

class Archive {
 public:
  // `descriptors` outlives the archive.
  explicit Archive(Descriptors& descriptors) : descriptors_(descriptors), reading_(false) {}
  // Reads `data`, which outlives the archive.
  Archive(Bytes data, Descriptors& descriptors) : descriptors_(descriptors), reading_(true), data_(data) {}

  bool isReading() const { return reading_; }
  // Reading: false once a value was missing or fail() was called. Missing numbers stay unchanged.
  bool ok() const { return ok_; }
  bool atEnd() const { return data_.empty(); }
  void fail() { ok_ = false; }
  std::string takeBytes() { return std::move(written_); }
  Descriptors& descriptors() { return descriptors_; }

  template <typename... Values>
  void operator()(Values&... values) {
    (value(values), ...);
  }

  // A file descriptor. Reading: the caller owns it then; -1 if there is none or it was already taken.
  void descriptor(int& fd);

 private:
  template <typename T>
  void value(T& v) {
    if constexpr (requires { v.archive(*this); }) {
      v.archive(*this);
    } else if constexpr (requires { archive(*this, v); }) {
      archive(*this, v);  // found by argument-dependent lookup
    } else if constexpr (std::is_enum_v<T>) {
      static_assert(kEnumSize<T> > 0, "its enumerators are 0, 1, 2, ...");
      T read = v;
      raw(&read, sizeof read);
      if (static_cast<size_t>(read) >= kEnumSize<T>) return fail();
      v = read;
    } else {
      static_assert(std::is_trivially_copyable_v<T> && !std::is_pointer_v<T> && !std::is_class_v<T>,
                    "give the type an archive()");
      raw(&v, sizeof v);
    }
  }
  void value(bool& v) {
    auto byte = static_cast<uint8_t>(v);
    raw(&byte, sizeof byte);
    v = byte != 0;  // a bool must be 0 or 1
  }
  void value(Duration& v) { count(v); }
  void value(Instant& v) {
    Duration since = v.time_since_epoch();
    count(since);
    v = Instant(since);
  }
  void value(std::string& v);
  template <size_t N>
  void value(std::bitset<N>& v) {
    for (size_t i = 0; i < N; ++i) {
      bool bit = v[i];
      value(bit);
      v[i] = bit;
    }
  }
  template <typename T>
  void value(std::optional<T>& v) {
    bool has = v.has_value();
    value(has);
    if (reading_ && has) v.emplace();
    if (reading_ && !has) v.reset();
    if (has) value(*v);
  }
  template <typename T, size_t N>
  void value(std::array<T, N>& v) {
    for (T& element : v) value(element);
  }
  template <typename T>
  void value(std::vector<T>& v) {
    const size_t size = length(v.size());
    if (reading_) v.resize(size);
    for (T& element : v) value(element);
  }
  template <typename K, typename V>
  void value(std::pair<K, V>& v) {
    value(v.first);
    value(v.second);
  }
  template <typename K, typename V>
  void value(std::map<K, V>& v) {
    std::vector<std::pair<K, V>> list(v.begin(), v.end());
    value(list);
    if (reading_) v = std::map<K, V>(list.begin(), list.end());
  }
  template <typename T>
  void value(std::unordered_set<T>& v) {
    std::vector<T> list(v.begin(), v.end());
    value(list);
    if (reading_) v = std::unordered_set<T>(list.begin(), list.end());
  }
  void count(Duration& v) {
    auto ticks = v.count();
    raw(&ticks, sizeof ticks);
    v = Duration(ticks);
  }
  void raw(void* value, size_t size);
  // Length of a list; never more elements than bytes remain.
  size_t length(size_t size);

  Descriptors& descriptors_;
  const bool reading_;
  bool ok_ = true;
  Bytes data_;  // still to be read
  std::string written_;
};

}  // namespace sluice
