#include "source/config/secrets.h"

#include <doctest/doctest.h>

#include "api/config.pb.h"
#include "api/filters/module.pb.h"
#include "source/config/load.h"

using namespace sluice;

TEST_CASE("every secret is hidden, and other values are shown") {
  auto parsed = config::parse(
      "admin { address: '127.0.0.1:1' token: 'S1' } join { token_secrets: 'S2' token_secrets: 'S3' }\n"
      "credentials { shared_secrets: 'S4' users { name: 'ada' password: 'S5' md5_key: 'S6' sha256_key: 'S7' "
      "} }\n"
      "listeners { name: 'l' filter_chains { filters { typed_config { "
      "[type.googleapis.com/sluice.filters.Module] {\n"
      "  file: 'm.so' config { fields { key: 'api_key' value { string_value: 'S8' } }\n"
      "  fields { key: 'nested' value { struct_value { fields { key: 'S9' value { number_value: 1 } } } } } "
      "} } } } } "
      "}\n",
      config::Format::kText, "f");
  REQUIRE(parsed.ok());
  config::hideSecrets(*parsed);
  filters::Module module;
  REQUIRE(parsed->listeners(0).filter_chains(0).filters(0).typed_config().UnpackTo(&module));
  const std::string shown = parsed->SerializeAsString();
  for (char digit = '1'; digit <= '9'; ++digit) {
    CAPTURE(digit);
    CHECK(shown.find(std::string("S") + digit) == std::string::npos);
  }
  CHECK(parsed->admin().address() == "127.0.0.1:1");
  CHECK(parsed->admin().token() == "[hidden]");
  CHECK(parsed->join().token_secrets_size() == 2);
  CHECK(parsed->credentials().users(0).name() == "ada");
  CHECK(module.file() == "m.so");
  CHECK(module.config().fields().at("api_key").string_value() == "[hidden]");
}

TEST_CASE("unset secrets stay unset") {
  Bootstrap bootstrap;
  config::hideSecrets(bootstrap);
  CHECK(bootstrap.ByteSizeLong() == 0);
}
