// State that exists once per process for a filter type.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <typeindex>
#include <unordered_map>

#include "source/base/archive.h"

namespace sluice::chain {

// For example, a signing key. Main thread only; the objects that it returns may be used by all threads.
class ProcessState {
 public:
  // The one T, created on first use; lives as long as something holds it.
  template <typename T>
  std::shared_ptr<T> get() {
    std::shared_ptr<void>& state = states_[typeid(T)];
    if (state == nullptr) {
      auto made = std::make_shared<T>();
      if constexpr (requires(Archive & a) { made->archive(a); }) {
        archives_[std::string(T::kStateName)] = [made](Archive& a) { made->archive(a); };
      }
      state = std::move(made);
    }
    return std::static_pointer_cast<T>(state);
  }

  // For a handover: archives the states that have an archive() and a kStateName. States that this process
  // does not have are skipped.
  void archive(Archive& a);

 private:
  std::unordered_map<std::type_index, std::shared_ptr<void>> states_;
  std::map<std::string, std::function<void(Archive&)>> archives_;
};

}  // namespace sluice::chain
