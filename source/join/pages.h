// The static files of one directory, kept in memory. Only files found in the directory can be requested, so
// no request can leave it. Hidden files are left out.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "source/http/message.h"

namespace sluice::join {

class Pages {
 public:
  // Nothing is served when `directory` is empty.
  explicit Pages(const std::string& directory);

  // `path` is relative and decoded; "" and paths that end in "/" mean the index.html there. Changed files are
  // read again.
  http::Response get(std::string_view path);

 private:
  struct File {
    std::filesystem::path path;
    std::filesystem::file_time_type modified{};
    std::shared_ptr<const std::string> content;  // shared with responses being sent
  };

  std::map<std::string, File, std::less<>> files_;
};

}  // namespace sluice::join
