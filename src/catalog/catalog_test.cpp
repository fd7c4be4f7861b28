#include "catalog/catalog.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "catalog/proto_text.h"

namespace bitvault {
namespace {

constexpr std::string_view kTypes[] = {
    "bitvault.link.created.v1",     "bitvault.link.revoked.v1",
    "bitvault.node.copied.v1",      "bitvault.node.created.v1",
    "bitvault.node.deleted.v1",     "bitvault.node.moved.v1",
    "bitvault.node.restored.v1",    "bitvault.node.trashed.v1",
    "bitvault.node.updated.v1",     "bitvault.share.created.v1",
    "bitvault.share.revoked.v1",    "bitvault.share.updated.v1",
    "bitvault.webhook.created.v1",  "bitvault.webhook.dead_lettered.v1",
    "bitvault.webhook.disabled.v1", "bitvault.webhook.enabled.v1",
    "bitvault.webhook.failing.v1",  "bitvault.webhook.recovered.v1",
    "bitvault.webhook.test.v1",     "bitvault.webhook.updated.v1",
};

const EventType& type(std::string_view name) {
  const EventType* found = Catalog::builtin().find(name);
  EXPECT_NE(found, nullptr) << name;
  return *found;
}

TEST(Catalog, HoldsItsTypesSorted) {
  std::vector<std::string_view> names;
  for (const EventType* each : Catalog::builtin().types()) {
    names.push_back(each->name());
    EXPECT_EQ(Catalog::builtin().find(each->name()), each);
    EXPECT_EQ(each->dataschema(),
              fmt::format("urn:bitvault:schema:{}:{}", each->name(), each->revision()));
    EXPECT_FALSE(each->description().empty());
    EXPECT_EQ(each->system_only(), each->name().starts_with("bitvault.webhook.")) << each->name();
  }
  EXPECT_EQ(names, std::vector<std::string_view>(std::begin(kTypes), std::end(kTypes)));
  EXPECT_EQ(Catalog::builtin().revision().size(), 16u);
  for (const char* unknown : {"", "a", "bitvault.node.created", "bitvault.node.created.v2", "z"}) {
    EXPECT_EQ(Catalog::builtin().find(unknown), nullptr) << unknown;
  }
}

TEST(Catalog, ExamplesAreValidAndInTheirOneForm) {
  for (const EventType* each : Catalog::builtin().types()) {
    const auto valid = each->validate(each->example());
    ASSERT_TRUE(valid) << valid.error().detail;
    EXPECT_EQ(valid->json, each->example());
  }
}

TEST(Catalog, EventsAreKeyedByTheirAggregate) {
  const std::tuple<const char*, const char*, const char*> expected[] = {
      {"bitvault.node.moved.v1", "nod_7f3a", "/archive/q3-final.pdf"},
      {"bitvault.share.updated.v1", "shr_5d21", "/reports/2026/q3.pdf"},
      {"bitvault.link.created.v1", "lnk_0c4e", "/reports/2026/q3.pdf"},
      {"bitvault.webhook.failing.v1", "whk_5v3kq0w2", "whk_5v3kq0w2"},
  };
  for (const auto& [name, partitionkey, subject] : expected) {
    const auto valid = type(name).validate(type(name).example());
    ASSERT_TRUE(valid);
    EXPECT_EQ(valid->partitionkey, partitionkey);
    EXPECT_EQ(valid->subject, subject);
  }
}

TEST(Catalog, NodesNeedTheirIdKindNameAndPath) {
  const auto valid = type("bitvault.node.created.v1").validate(R"({"actor":{},"node":{}})");
  ASSERT_FALSE(valid);
  std::vector<std::string> paths;
  for (const Violation& violation : valid.error().violations) {
    EXPECT_EQ(violation.message, "is required");
    paths.push_back(violation.path);
  }
  EXPECT_EQ(paths,
            (std::vector<std::string>{"data.actor.kind", "data.actor.id", "data.node.id",
                                      "data.node.kind", "data.node.name", "data.node.path"}));
}

TEST(Catalog, ChangesNeedBothSides) {
  for (const char* name :
       {"bitvault.node.updated.v1", "bitvault.node.moved.v1", "bitvault.node.trashed.v1",
        "bitvault.node.restored.v1", "bitvault.share.updated.v1"}) {
    const auto valid = type(name).validate("{}");
    ASSERT_FALSE(valid);
    for (const char* path : {"data.before", "data.after"}) {
      EXPECT_TRUE(
          std::ranges::any_of(valid.error().violations,
                              [&](const Violation& violation) { return violation.path == path; }))
          << name << " " << path;
    }
  }
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// BITVAULT_UPDATE_GOLDEN=1 writes the files anew.
TEST(Catalog, PublishesTheseSchemas) {
  const std::filesystem::path folder = BITVAULT_SOURCE_DIR "/tests/golden/catalog";
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here sets the environment
  const bool update = std::getenv("BITVAULT_UPDATE_GOLDEN") != nullptr;
  for (const EventType* each : Catalog::builtin().types()) {
    const auto path = folder / fmt::format("{}.schema.json", each->name());
    if (update) {
      std::filesystem::create_directories(folder);
      std::ofstream(path, std::ios::binary) << each->json_schema();
    }
    EXPECT_EQ(read_file(path), each->json_schema()) << path.filename();
  }
  const auto files = std::filesystem::directory_iterator(folder);
  EXPECT_EQ(static_cast<std::size_t>(std::distance(begin(files), end(files))),
            Catalog::builtin().types().size());
}

constexpr std::string_view kProbe = R"(
// It was made.
message Made {
  option (bitvault.event) = {
    type: "bitvault.probe.made.v1" revision: 2 partition_key: "id"
    producer: CATALOG_PRODUCER_SYSTEM
  };
  // Its id.
  string id = 1 [(bitvault.field) = {required: true}];
}
)";

TEST(Catalog, LoadsAnyDescriptorSet) {
  const std::string descriptors = descriptor_set_of(kProbe);
  const CatalogExample examples[] = {{"bitvault.probe.made.v1", "{ \"id\": \"1\" }\n"}};
  const auto catalog = Catalog::load(descriptors, examples);
  ASSERT_TRUE(catalog) << catalog.error().detail;
  const EventType* made = (*catalog)->find("bitvault.probe.made.v1");
  ASSERT_NE(made, nullptr);
  EXPECT_TRUE(made->system_only());
  EXPECT_EQ(made->revision(), 2u);
  EXPECT_EQ(made->example(), R"({"id":"1"})");
  EXPECT_EQ(made->description(), "It was made.");

  const CatalogExample others[] = {{"bitvault.probe.made.v1", "{ \"id\": \"2\" }\n"}};
  EXPECT_EQ((*catalog)->revision(), (*Catalog::load(descriptors, examples))->revision());
  EXPECT_NE((*catalog)->revision(), (*Catalog::load(descriptors, others))->revision());
}

TEST(Catalog, RefusesTypesWithoutAValidExample) {
  const std::string descriptors = descriptor_set_of(kProbe);
  const CatalogExample invalid[] = {{"bitvault.probe.made.v1", "{}"}};
  const CatalogExample stray[] = {{"bitvault.probe.made.v1", R"({"id":"1"})"},
                                  {"bitvault.probe.other.v1", "{}"}};
  for (const std::span<const CatalogExample> examples :
       {std::span<const CatalogExample>(), std::span<const CatalogExample>(invalid),
        std::span<const CatalogExample>(stray)}) {
    const auto catalog = Catalog::load(descriptors, examples);
    ASSERT_FALSE(catalog);
    EXPECT_EQ(catalog.error().code, Code::kInvalid);
  }
  EXPECT_FALSE(Catalog::load("no descriptors", {}));
}

}  // namespace
}  // namespace bitvault
