#include "watch/record.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace bitvault::watch {
namespace {

NodeId id(unsigned number) {
  std::array<std::byte, NodeId::kRandomBytes> bytes{};
  bytes[0] = std::byte{0xfe};
  bytes[11] = static_cast<std::byte>(number);
  return NodeId::make(bytes);
}

Node root() {
  return {.id = id(1),
          .kind = Kind::kFolder,
          .version = 1,
          .identity = {1, 2, 3},
          .file = {},
          .name = {}};
}

std::vector<Record> records_of(const NodeTable& table) {
  std::vector<Record> records;
  std::vector<NodeRef> todo{kRoot};
  while (!todo.empty()) {
    const NodeRef ref = todo.back();
    todo.pop_back();
    records.push_back({table[ref].id.text(), node_value(table, ref)});
    const auto children = table.children(ref);
    todo.insert(todo.end(), children.begin(), children.end());
  }
  std::ranges::sort(records, {}, &Record::key);
  return records;
}

TEST(NodeId, HasOneText) {
  EXPECT_EQ(id(7).text(), "n_fe0000000000000000000007");
  EXPECT_EQ(NodeId::parse(id(7).text()), id(7));
  for (const char* wrong : {"", "n_", "n_fe000000000000000000000", "n_FE0000000000000000000007",
                            "m_fe0000000000000000000007", "n_fe00000000000000000000070"}) {
    EXPECT_FALSE(NodeId::parse(wrong)) << wrong;
  }
}

TEST(Record, RemembersWhatWasNotToldOf) {
  NodeTable table(root());
  Node folder{.id = id(2),
              .kind = Kind::kFolder,
              .version = 1,
              .identity = {},
              .file = {},
              .name = "d",
              .parent = kRoot};
  folder.told = false;
  const NodeRef above = table.insert(folder);
  Node file = folder;
  file.id = id(3);
  file.kind = Kind::kFile;
  file.parent = above;
  const NodeRef inside = table.insert(file);
  EXPECT_TRUE(node_value(table, above).starts_with("1 D "));
  EXPECT_TRUE(node_value(table, inside).starts_with("1 F "));
  EXPECT_EQ(table.untold(), 2u);
  TableLoader loader;
  for (const Record& record : records_of(table)) {
    ASSERT_TRUE(loader.add(record));
  }
  const auto loaded = loader.finish();
  ASSERT_TRUE(loaded);
  EXPECT_EQ((*loaded)->untold(), 2u);
  EXPECT_TRUE((**loaded)[kRoot].told) << "as every record without the mark";
  (*loaded)->set_told((*loaded)->at(kRoot, "d").at(0), true);
  EXPECT_EQ((*loaded)->untold(), 1u);
}

TEST(Record, ATableComesBackAsItWas) {
  NodeTable table(root());
  const NodeRef folder = table.insert({.id = id(9),
                                       .kind = Kind::kFolder,
                                       .version = 2,
                                       .identity = {1, 20, -5},
                                       .file = {},
                                       .name = "a b%\xff\n\xc3\xa9",
                                       .parent = kRoot});
  table.insert({.id = id(3),
                .kind = Kind::kFile,
                .version = 4'000'000'000,
                .identity = {~0ULL, ~0ULL, -1},
                .file = {~0ULL, -1'000, sha256("x")},
                .name = "f",
                .parent = folder});
  const auto records = records_of(table);
  TableLoader loader;
  for (const Record& record : records) {
    ASSERT_TRUE(loader.add(record)) << record.value;
  }
  const auto loaded = loader.finish();
  ASSERT_TRUE(loaded) << loaded.error().detail;
  EXPECT_EQ(records_of(**loaded), records);
  const auto found = (*loaded)->at(kRoot, "a b%\xff\n\xc3\xa9");
  ASSERT_EQ(found.size(), 1u);
  const Node& file = (**loaded)[(*loaded)->at(found[0], "f").at(0)];
  EXPECT_EQ(file.version, 4'000'000'000);
  EXPECT_EQ(file.identity, (Identity{~0ULL, ~0ULL, -1}));
  EXPECT_EQ(file.file, (FileState{~0ULL, -1'000, sha256("x")}));
  EXPECT_EQ((*loaded)->path(found[0]), "a b%\xff\n\xc3\xa9");
}

TEST(Record, IsReadableAndStable) {
  NodeTable table(root());
  const NodeRef file = table.insert({.id = id(2),
                                     .kind = Kind::kFile,
                                     .version = 3,
                                     .identity = {4, 5, 6},
                                     .file = {7, 8, std::nullopt},
                                     .name = "na\xc3\xafve name",
                                     .parent = kRoot});
  EXPECT_EQ(node_value(table, kRoot), "1 d - 1 1 2 3 0 0 - ");
  EXPECT_EQ(node_value(table, file),
            "1 f n_fe0000000000000000000001 3 4 5 6 7 8 - na%C3%AFve%20name");
}

TEST(Record, NothingIsATable) {
  TableLoader loader;
  const auto loaded = loader.finish();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(*loaded, nullptr);
}

TEST(Record, DamageIsAnError) {
  const std::string key = id(2).text();
  const std::string parent = id(1).text();
  const std::string values[] = {"",
                                "1",
                                "2 f - 1 1 2 3 0 0 - a",
                                "1 x - 1 1 2 3 0 0 - a",
                                "1 f n_ 1 1 2 3 0 0 - a",
                                "1 f - 1 1 2 3 0 0 - a b",
                                "1 f - -1 1 2 3 0 0 - a",
                                "1 f - 1 1 2 3 0 0 abc a",
                                "1 f - 1 1 2 3 0 0 - %4"};
  for (const std::string& value : values) {
    TableLoader loader;
    const Status added = loader.add({key, value});
    ASSERT_FALSE(added) << value;
    EXPECT_EQ(added.error().code, Code::kInternal);
  }
  TableLoader loader;
  EXPECT_FALSE(loader.add({"n_1", "1 d - 1 1 2 3 0 0 - "}));
}

TEST(Record, WhatIsNoTreeIsAnError) {
  const std::string first = id(1).text();
  const std::string second = id(2).text();
  const std::string third = id(3).text();
  const std::vector<std::vector<Record>> cases = {
      {{first, "1 d - 1 1 2 3 0 0 - "}, {second, "1 d - 1 1 2 3 0 0 - "}},
      {{first, "1 f - 1 1 2 3 0 0 - "}},
      {{first, "1 d " + second + " 1 1 2 3 0 0 - a"}},
      {{first, "1 d - 1 1 2 3 0 0 - "}, {second, "1 d " + third + " 1 1 2 3 0 0 - a"}},
      {{first, "1 d - 1 1 2 3 0 0 - "},
       {second, "1 d " + third + " 1 1 2 3 0 0 - a"},
       {third, "1 d " + second + " 1 1 2 3 0 0 - a"}},
      {{first, "1 d - 1 1 2 3 0 0 - "},
       {second, "1 f " + first + " 1 1 2 3 0 0 - a"},
       {third, "1 f " + second + " 1 1 2 3 0 0 - a"}},
  };
  for (const auto& records : cases) {
    TableLoader loader;
    for (const Record& record : records) {
      ASSERT_TRUE(loader.add(record)) << record.value;
    }
    EXPECT_FALSE(loader.finish());
  }
}

}  // namespace
}  // namespace bitvault::watch
