#include "source/join/pages.h"

#include <utility>

#include "source/base/file.h"
#include "source/base/log.h"

namespace sluice::join {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFiles = 1000;
constexpr size_t kMaxFileBytes = 8 << 20;

std::string_view contentType(const fs::path& path) {
  static constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {".html", "text/html; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".json", "application/json"},
      {".txt", "text/plain; charset=utf-8"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".ico", "image/x-icon"},
      {".woff2", "font/woff2"},
      {".mp3", "audio/mpeg"},
      {".ogg", "audio/ogg"},
      {".wasm", "application/wasm"},
  };
  for (const auto& [extension, type] : kTypes) {
    if (path.extension() == extension) return type;
  }
  return "application/octet-stream";
}

bool isHidden(const fs::path& path) {
  return path.filename().string().starts_with('.');
}

}  // namespace

Pages::Pages(const std::string& directory) {
  if (directory.empty()) return;
  std::error_code failed;
  fs::recursive_directory_iterator entry(directory, failed);
  for (; !failed && entry != fs::recursive_directory_iterator(); entry.increment(failed)) {
    std::error_code ignored;
    if (isHidden(entry->path())) {
      if (entry->is_directory(ignored)) entry.disable_recursion_pending();
      continue;
    }
    if (!entry->is_regular_file(ignored) || entry->file_size(ignored) > kMaxFileBytes) continue;
    if (files_.size() == kMaxFiles) {
      log::warn("{}: only the first {} files are served", directory, kMaxFiles);
      break;
    }
    files_.emplace(entry->path().lexically_relative(directory).generic_string(), File{entry->path(), {}, {}});
  }
  if (failed) log::warn("cannot read the pages in {}: {}", directory, failed.message());
}

http::Response Pages::get(std::string_view path) {
  const bool is_folder = path.empty() || path.ends_with('/');
  const auto found = files_.find(std::string(path) + (is_folder ? "index.html" : ""));
  if (found == files_.end()) return http::error(404, "no such page");

  File& file = found->second;
  std::error_code failed;
  const auto modified = fs::last_write_time(file.path, failed);
  if (failed) return http::error(404, "no such page");
  if (modified != file.modified) {
    auto content = readFile(file.path.string(), kMaxFileBytes);
    if (!content.ok()) return http::error(404, "no such page");
    file.content = std::make_shared<const std::string>(*std::move(content));
    file.modified = modified;
  }
  return {.status = 200,
          .content_type = std::string(contentType(file.path)),
          .headers =
              {
                  {"Cache-Control", "no-cache"},
                  {"Content-Security-Policy",
                   "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"},
                  {"Permissions-Policy", "microphone=(self)"},
                  {"Referrer-Policy", "no-referrer"},
              },
          .shared_body = file.content};
}

}  // namespace sluice::join
