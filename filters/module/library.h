// Code from a shared object. It is loaded from a copy that no one replaces, named by its content, and
// unloaded with its last user.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "api/filter_abi.h"
#include "filters/module/module_schema.h"
#include "source/base/result.h"

namespace sluice::module {

class Library {
 public:
  ~Library();  // any thread
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  const sluice_filter_api& filter() const { return *filter_; }
  const std::shared_ptr<const ModuleSchema>& schema() const { return schema_; }
  // A hash of the content: 16 hexadecimal digits.
  const std::string& version() const { return version_; }

 private:
  friend class Libraries;
  Library() = default;

  std::string version_;
  size_t size_ = 0;   // of the file, in bytes
  std::string copy_;  // path
  void* handle_ = nullptr;
  const sluice_filter_api* filter_ = nullptr;
  std::shared_ptr<const ModuleSchema> schema_;
};

// The libraries of the process. Main thread only.
class Libraries {
 public:
  ~Libraries();

  // Loads `file`; a library that is already loaded with this content is shared. Errors have no path.
  Result<std::shared_ptr<const Library>> load(const std::string& file);
  // The library that is already loaded with the content of `file`; loads nothing.
  Result<std::shared_ptr<const Library>> find(const std::string& file) const;

 private:
  std::shared_ptr<const Library> loaded(const std::string& version) const;

  std::string directory_;  // of copies; created with the first one
  unsigned copies_ = 0;    // so far
  std::map<std::string, std::weak_ptr<const Library>> by_version_;
};

}  // namespace sluice::module
