// Implements the parts that are the same in every filter: parsing its configuration, creating filters,
// reloading, and the types of its statistics. A filter needs a protobuf message, a struct of settings, a
// function that reads one into the other, a schema (stats/typed_schema.h), and a class derived from
// TypedFilter:
//
//   struct Settings { double rate = 0; };
//   Result<Settings> readSettings(const filters::RateLimit& config, chain::FactoryContext& context);
//
//   class RateLimit final : public chain::TypedFilter<Settings, kSchema> {
//    public:
//     RateLimit(chain::FilterContext& context, const Settings& settings);
//     void onIngress(net::PacketPtr&& packet) override;
//   };
//
//   chain::FilterType filterType() {
//     return chain::typedFilterType<RateLimit, readSettings>({.name = "rate_limit"});
//   }
//
// The settings may have members of the names and types of FilterFactory's virtual functions, with the
// settings in place of a factory: info(), schema(), endsState(), sameAs(); and repairFeatures() as in
// FilterType.
#pragma once

#include <google/protobuf/any.pb.h>

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "source/base/field_options.h"
#include "source/base/result.h"
#include "source/chain/factory_context.h"
#include "source/chain/filter.h"
#include "source/chain/filter_type.h"
#include "source/chain/typed_context.h"

namespace sluice::chain {

// `factory`, or all errors of both.
Result<FilterFactoryPtr> withErrors(Errors errors, Result<FilterFactoryPtr> factory);

// For FilterType::parse: unpacks the message, applies its field options and calls
// `Factory::make(const Config&, FactoryContext&)`, which returns a Result<FilterFactoryPtr>.
template <typename Config, typename Factory>
Result<FilterFactoryPtr> parseAs(const google::protobuf::Any& any, FactoryContext& context) {
  Config config;
  if (!any.UnpackTo(&config))
    return Error{"", "is not a valid " + std::string(Config::descriptor()->full_name())};
  Errors errors = applyFieldOptions(config);
  return withErrors(std::move(errors), Factory::make(config, context));
}

template <typename Settings>
class TypedFactory : public FilterFactory {
 public:
  explicit TypedFactory(Settings from) : settings(std::move(from)) {}

  std::shared_ptr<const stats::FilterSchema> schema() const override {
    if constexpr (requires { settings.schema(); }) return settings.schema();
    return nullptr;
  }
  Description info() const override {
    if constexpr (requires { settings.info(); }) return settings.info();
    return {};
  }
  bool endsState(const FilterFactory& next) const override {
    if constexpr (requires { settings.endsState(settings); }) return settings.endsState(of(next));
    return false;
  }
  bool sameAs(const FilterFactory& previous) const override {
    if constexpr (requires { settings.sameAs(settings); }) return settings.sameAs(of(previous));
    return true;
  }

  // The settings of a factory of the same filter type.
  static const Settings& of(const FilterFactory& factory) {
    return static_cast<const TypedFactory&>(factory).settings;
  }

  const Settings settings;
};

// `kSchema` is a stats::Schema that lives as long as the process.
template <typename SettingsType, const auto& kSchema>
class TypedFilter : public Filter {
 public:
  using Settings = SettingsType;
  using Context = TypedContext<std::remove_cvref_t<decltype(kSchema)>>;
  static constexpr stats::FilterSchema schema() { return kSchema.untyped(); }

  TypedFilter(FilterContext& context, const Settings& settings)
      : Filter(context), context_(context), settings_(&settings) {}

 protected:
  // Changes with a reload only.
  const Settings& settings() const { return *settings_; }
  // settings() has changed; `before` is valid for the call. False: a new object replaces this one.
  virtual bool onSettings(const Settings& /*before*/) { return true; }

  Context context_;

 private:
  bool onReload(const FilterFactory& factory) final {
    return onSettings(*std::exchange(settings_, &TypedFactory<Settings>::of(factory)));
  }

  const Settings* settings_;  // of the factory
};

namespace typed_filter {

template <typename F, auto kRead>
struct Factory final : TypedFactory<typename F::Settings> {
  using TypedFactory<typename F::Settings>::TypedFactory;

  FilterPtr create(FilterContext& context) const override {
    return std::make_unique<F>(context, this->settings);
  }
  template <typename Config>
  static Result<FilterFactoryPtr> make(const Config& config, FactoryContext& context) {
    auto settings = kRead(config, context);
    if (!settings.ok()) return settings.errors();
    return FilterFactoryPtr(std::make_shared<Factory>(*std::move(settings)));
  }
};

template <typename Config, typename Settings>
Config configOf(Result<Settings> (*read)(const Config&, FactoryContext&));

}  // namespace typed_filter

// `F` derives from TypedFilter; `kRead` is a Result<F::Settings>(const Config&, FactoryContext&). `type` has
// the fields that do not follow from the two.
template <typename F, auto kRead>
FilterType typedFilterType(FilterType type) {
  using Config = decltype(typed_filter::configOf(kRead));
  using Inherited = void (Filter::*)(PacketPtr &&);
  type.config_type = Config::descriptor()->full_name();
  type.schema = F::schema();
  type.enters_ingress = !std::is_same_v<decltype(&F::onIngress), Inherited>;
  type.enters_egress = !std::is_same_v<decltype(&F::onEgress), Inherited>;
  type.parse = parseAs<Config, typed_filter::Factory<F, kRead>>;
  if constexpr (requires(const typename F::Settings& settings) { settings.repairFeatures(); }) {
    type.repair_features = [](const FilterFactory& factory) {
      return TypedFactory<typename F::Settings>::of(factory).repairFeatures();
    };
  }
  return type;
}

}  // namespace sluice::chain
