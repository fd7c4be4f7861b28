#include "catalog/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/crypto.h"
#include "base/text.h"
#include "catalog/descriptors.h"
#include "catalog/embedded.h"
#include "catalog/json_schema.h"
#include "catalog/schema.h"
#include "catalog/validator.h"

namespace bitvault {
namespace {

constexpr std::size_t kRevisionBytes = 8;  // enough to tell any two revisions apart

class CompiledType final : public EventType {
 public:
  CompiledType(const EventSchema& schema, std::string example)
      : schema_(schema),
        dataschema_(dataschema_of(schema)),
        example_(std::move(example)),
        json_schema_(json_schema_of(schema, example_)) {}

  std::string_view name() const override { return schema_.type; }
  std::string_view description() const override { return schema_.data->description; }
  std::string_view dataschema() const override { return dataschema_; }
  unsigned revision() const override { return schema_.revision; }
  bool system_only() const override { return schema_.system_only; }
  std::string_view example() const override { return example_; }
  std::string_view json_schema() const override { return json_schema_; }
  Result<ValidData> validate(std::string_view data) const override {
    return validate_data(schema_, data);
  }

 private:
  const EventSchema& schema_;
  std::string dataschema_;
  std::string example_;
  std::string json_schema_;
};

// Of all that the catalog is made from, so that whatever is published of it has one revision.
std::string revision_of(std::string_view descriptor_set, std::span<const CatalogExample> examples) {
  std::string all(descriptor_set);
  for (const CatalogExample& example : examples) {
    all += fmt::format("{}\n{}\n", example.type, example.data);
  }
  const Digest digest = sha256(all);
  return hex(std::span(digest).first(kRevisionBytes));
}

}  // namespace

struct Catalog::Impl {
  Schemas schemas;
  std::vector<std::unique_ptr<const EventType>> owned;
  std::vector<const EventType*> types;
  std::string revision;
};

Catalog::Catalog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Catalog::~Catalog() = default;

const Catalog& Catalog::builtin() {
  static const std::unique_ptr<const Catalog> kCatalog = [] {
    auto loaded = load(embedded_descriptor_set(), embedded_examples());
    const std::string defect = loaded ? "" : loaded.error().detail;
    check(loaded.has_value(), defect);
    return *std::move(loaded);
  }();
  return *kCatalog;
}

Result<std::unique_ptr<const Catalog>> Catalog::load(std::string_view descriptor_set,
                                                     std::span<const CatalogExample> examples) {
  auto schemas = read_descriptor_set(descriptor_set);
  if (!schemas) {
    return fail(std::move(schemas.error()));
  }
  auto impl = std::make_unique<Impl>();
  impl->schemas = *std::move(schemas);
  impl->revision = revision_of(descriptor_set, examples);
  for (const EventSchema& schema : impl->schemas.events) {
    const auto example = std::ranges::find(examples, schema.type, &CatalogExample::type);
    if (example == examples.end()) {
      return fail(Code::kInvalid, fmt::format("{}: there is no example", schema.type));
    }
    auto valid = validate_data(schema, example->data);
    if (!valid) {
      return fail(Code::kInvalid, "the example: " + valid.error().detail);
    }
    impl->owned.push_back(std::make_unique<CompiledType>(schema, std::move(valid->json)));
    impl->types.push_back(impl->owned.back().get());
  }
  if (impl->types.size() != examples.size()) {
    return fail(Code::kInvalid, "there is an example of no type");
  }
  return std::unique_ptr<const Catalog>(new Catalog(std::move(impl)));
}

const EventType* Catalog::find(std::string_view type) const {
  const auto found = std::ranges::lower_bound(impl_->types, type, {}, &EventType::name);
  return found != impl_->types.end() && (*found)->name() == type ? *found : nullptr;
}

const std::vector<const EventType*>& Catalog::types() const { return impl_->types; }

std::string_view Catalog::revision() const { return impl_->revision; }

}  // namespace bitvault
