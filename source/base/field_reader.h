// Reads the numbers of a configuration message, checks their range and collects errors.
#pragma once

#include <google/protobuf/message.h>

#include <optional>
#include <string>

#include "source/base/clock.h"
#include "source/base/result.h"

namespace sluice {

class FieldReader {
 public:
  // `path` is put before field names in errors, such as "ingress.". Both references outlive the reader.
  FieldReader(const google::protobuf::Message& message, std::string path, Errors& errors)
      : message_(message), path_(std::move(path)), errors_(errors) {}

  // Stores the field's value times `unit` if it is set and lies in [low, high]; otherwise `out` is unchanged.
  template <typename T>
  void take(const char* name, double low, double high, T& out, double unit = 1) {
    if (const auto value = read(name, low, high)) out = static_cast<T>(*value * unit);
  }
  // A field in milliseconds.
  void takeMs(const char* name, double low, double high, Duration& out) {
    if (const auto value = read(name, low, high))
      out = std::chrono::milliseconds{static_cast<int64_t>(*value)};
  }
  void takeFlag(const char* name, bool& out) const;

  void check(bool right, const char* name, const char* message) {
    if (!right) fail(name, message);
  }
  void fail(const char* name, const std::string& message) { errors_.push_back({path_ + name, message}); }

 private:
  // Nothing if it is unset or out of range.
  std::optional<double> read(const char* name, double low, double high);

  const google::protobuf::Message& message_;
  const std::string path_;
  Errors& errors_;
};

}  // namespace sluice
