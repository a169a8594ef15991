#include "source/admin/dashboard.h"

#include <algorithm>
#include <string>

namespace sluice::admin {
namespace {

constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

std::string contentType(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  return "text/javascript; charset=utf-8";
}

}  // namespace

http::Response dashboardFile(std::string_view name) {
  const auto files = dashboardFiles();
  const auto file = std::ranges::find(files, name, &DashboardFile::name);
  if (file == files.end()) return http::error(404, "the dashboard has no such file");
  return {.content_type = contentType(name),
          .body = std::string(file->content),
          .headers = {{"Cache-Control", "no-cache"},
                      {"Content-Security-Policy", kPolicy},
                      {"Referrer-Policy", "no-referrer"},
                      {"X-Content-Type-Options", "nosniff"}}};
}

}  // namespace sluice::admin
