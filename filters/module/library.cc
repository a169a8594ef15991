#include "filters/module/library.h"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "filters/module/host.h"
#include "source/base/file.h"
#include "source/base/system_error.h"
#include "source/crypto/hmac.h"

namespace sluice::module {
namespace {

constexpr size_t kMaxFileBytes = 256 << 20;
constexpr const char* kSymbol = "sluice_filter";

std::string versionOf(const std::string& content) {
  static constexpr char kDigits[] = "0123456789abcdef";
  const auto hash = crypto::sha256(asBytes(content));
  std::string text;
  for (size_t i = 0; i < 8; ++i) {
    text += kDigits[hash[i] >> 4];
    text += kDigits[hash[i] & 15];
  }
  return text;
}

Result<std::string> makeDirectory() {
  std::string path = (std::filesystem::temp_directory_path() / "sluice-modules-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) {
    return systemError("cannot create a folder for copies of modules");
  }
  return path;
}

// Returns the error in the table, or an empty string.
std::string faultOf(const sluice_filter_api* filter) {
  if (filter == nullptr) return "refuses to be loaded: sluice_filter() returned null";
  if (filter->abi != SLUICE_FILTER_ABI) {
    return "was built for ABI " + std::to_string(filter->abi) + "; this is " +
           std::to_string(SLUICE_FILTER_ABI);
  }
  if (filter->size < sizeof(sluice_filter_api)) return "has a function table that is too short";
  if (filter->config_new == nullptr) return "has no config_new";
  if (filter->session_new == nullptr) return "has no session_new";
  return {};
}

}  // namespace

Library::~Library() {
  if (handle_ != nullptr) dlclose(handle_);
  if (!copy_.empty()) unlink(copy_.c_str());
}

Libraries::~Libraries() {
  if (!directory_.empty()) rmdir(directory_.c_str());
}

std::shared_ptr<const Library> Libraries::loaded(const std::string& version) const {
  const auto known = by_version_.find(version);
  return known == by_version_.end() ? nullptr : known->second.lock();
}

Result<std::shared_ptr<const Library>> Libraries::find(const std::string& file) const {
  std::error_code failed;
  const auto size = std::filesystem::file_size(file, failed);
  // A file of another size is not read, so that a caller cannot make the main thread hash large files.
  const bool possible = !failed && std::ranges::any_of(by_version_, [&](const auto& entry) {
    const auto library = entry.second.lock();
    return library != nullptr && library->size_ == size;
  });
  const auto content = readFile(file, possible ? size : 0);
  auto known = content.ok() ? loaded(versionOf(*content)) : nullptr;
  // One error for all causes: the caller gets no information about files.
  if (known == nullptr) return Error{"", "'" + file + "' is not the code of a loaded module"};
  return known;
}

Result<std::shared_ptr<const Library>> Libraries::load(const std::string& file) {
  const auto read = readFile(file, kMaxFileBytes);
  if (!read.ok()) return Error{"", "'" + file + "' " + read.error().message};
  const std::string& content = *read;
  const std::string version = versionOf(content);
  if (auto known = loaded(version)) return known;

  if (directory_.empty()) {
    auto made = makeDirectory();
    if (!made.ok()) return made.errors();
    directory_ = *std::move(made);
  }
  std::shared_ptr<Library> library(new Library);
  library->version_ = version;
  library->size_ = content.size();
  // The number: a library that another thread is about to unload may have the same content.
  library->copy_ = directory_ + "/" + std::filesystem::path(file).stem().string() + "-" + version + "-" +
                   std::to_string(++copies_) + ".so";
  std::ofstream out(library->copy_, std::ios::binary);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  out.close();
  if (!out) return Error{"", "cannot write '" + library->copy_ + "'"};
  library->handle_ = dlopen(library->copy_.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library->handle_ == nullptr) return Error{"", "'" + file + "' cannot be loaded: " + dlerror()};
  const auto entry = reinterpret_cast<decltype(&sluice_filter)>(dlsym(library->handle_, kSymbol));
  if (entry == nullptr) return Error{"", "'" + file + "' exports no sluice_filter"};
  library->filter_ = entry(&hostApi());
  if (const std::string fault = faultOf(library->filter_); !fault.empty()) {
    return Error{"", "'" + file + "' " + fault};
  }
  auto schema = ModuleSchema::make(*library->filter_);
  if (!schema.ok()) return schema.errors();
  library->schema_ = *std::move(schema);
  std::erase_if(by_version_, [](const auto& entry) { return entry.second.expired(); });
  by_version_[version] = library;
  return std::shared_ptr<const Library>(std::move(library));
}

}  // namespace sluice::module
