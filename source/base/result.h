// Result<T>: the return type of the control path. The data path never returns errors; it counts drops.
#pragma once

#include <cassert>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace sluice {

// One error. `path` names the field or flag, such as "listeners[0].filters[2].rate_bps"; it may be empty if
// the error concerns the whole input.
struct Error {
  std::string path;
  std::string message;

  std::string toString() const { return path.empty() ? message : path + ": " + message; }
  bool operator==(const Error&) const = default;
};

// All errors; validation reports them at once.
using Errors = std::vector<Error>;

inline std::string toString(const Errors& errors) {
  std::string text;
  for (const Error& error : errors) text += (text.empty() ? "" : "\n") + error.toString();
  return text;
}

// A value or at least one error. Accessing the wrong one is a programming error.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}
  Result(Error error) : state_(Errors{std::move(error)}) {}
  Result(Errors errors) : state_(std::move(errors)) { assert(!this->errors().empty()); }

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }

  const Errors& errors() const { return std::get<1>(state_); }
  const Error& error() const { return errors().front(); }

 private:
  std::variant<T, Errors> state_;
};

struct Done {};
// For operations that only succeed or fail: `return Done{};`.
using Status = Result<Done>;

}  // namespace sluice
