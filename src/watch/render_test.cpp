#include "watch/render.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "base/text.h"
#include "watch/media_type.h"

namespace bitvault::watch {
namespace {

constexpr WallTime kNow{Duration{1'795'406'522'123'456}};  // 2026-11-23T04:02:02.123456Z
constexpr std::string_view kActor =
    R"({"actor":{"kind":"ACTOR_KIND_SYSTEM","id":"directory-watcher","name":"Directory watcher"},)";

NodeView file(std::string name, std::string parent_path) {
  NodeView view{.id = "n_1", .kind = Kind::kFile, .name = name, .path = parent_path + "/" + name};
  view.file = {5, 1'795'406'522'123'456'789, sha256("hello")};
  if (!parent_path.empty()) {
    view.parent_id = "n_" + parent_path.substr(1);
  }
  return view;
}

const std::string kHello =
    "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

TEST(Render, AFileThatWasCreated) {
  const Change change{Change::Kind::kCreated, {}, file("q3.pdf", "/a")};
  EXPECT_EQ(data_json(change),
            std::string(kActor) +
                R"("node":{"id":"n_1","kind":"NODE_KIND_FILE","name":"q3.pdf","path":"/a/q3.pdf",)"
                R"("parentId":"n_a","size":"5","mediaType":"application/pdf","checksum":")" +
                kHello + R"(","version":"1","modifiedAt":"2026-11-23T04:02:02.123456Z"}})");
}

TEST(Render, AFolderThatWasDeleted) {
  const NodeView folder{.id = "n_1", .kind = Kind::kFolder, .name = "a", .path = "/a"};
  EXPECT_EQ(
      data_json({Change::Kind::kDeleted, folder, {}}),
      std::string(kActor) +
          R"("node":{"id":"n_1","kind":"NODE_KIND_FOLDER","name":"a","path":"/a","version":"1"}})");
}

TEST(Render, AnUpdateShowsWhatItTouched) {
  Change change{Change::Kind::kUpdated, file("q3.pdf", "/a"), file("q3.pdf", "/a")};
  change.after.version = 2;
  change.after.file.size = 6;
  change.after.file.checksum.reset();
  const std::string data = data_json(change);
  EXPECT_TRUE(data.ends_with(R"("before":{"size":"5","checksum":")" + kHello +
                             R"(","version":"1"},"after":{"size":"6","version":"2"}})"))
      << data;
}

TEST(Render, AMoveShowsBothPlaces) {
  Change change{Change::Kind::kMoved, file("q3.pdf", "/a"), file("q3.txt", "")};
  change.after.version = 2;
  const std::string data = data_json(change);
  EXPECT_TRUE(data.ends_with(
      R"("before":{"path":"/a/q3.pdf","name":"q3.pdf","parentId":"n_a","mediaType":"application/pdf","version":"1"},)"
      R"("after":{"path":"/q3.txt","name":"q3.txt","mediaType":"text/plain","version":"2"}})"))
      << data;
}

TEST(Render, TheCatalogTakesEachKind) {
  const TenantName tenant = *TenantName::parse("acme");
  const EventId id = *EventId::parse("e-1");
  Change change{Change::Kind::kCreated, {}, file("caf\xc3\xa9 \"x\"\n.txt", "/a")};
  for (const auto kind : {Change::Kind::kCreated, Change::Kind::kUpdated, Change::Kind::kMoved,
                          Change::Kind::kDeleted}) {
    change.kind = kind;
    change.before = change.after;
    const auto event = render(change, Catalog::builtin(), tenant, id, kNow);
    ASSERT_TRUE(event) << event.error().detail;
    const EventHead head = read_head(event->bytes);
    EXPECT_EQ(head.partitionkey, "n_1");
    EXPECT_EQ(head.id, "e-1");
    EXPECT_NE(event->bytes.find(R"("source":"/tenants/acme/watch")"), std::string::npos);
    EXPECT_NE(event->bytes.find(R"("time":"2026-11-23T04:02:02.123456Z")"), std::string::npos);
  }
}

TEST(Render, ATimeThatNobodyCanWriteIsLeftOut) {
  Change change{Change::Kind::kCreated, {}, file("a", "")};
  for (const std::int64_t wild : {std::int64_t{-9'000'000'000} * 1'000'000'000,
                                  std::int64_t{9'000'000'000} * 1'000'000'000}) {
    change.after.file.modified_ns = wild;
    const auto event = render(change, Catalog::builtin(), *TenantName::parse("acme"),
                              *EventId::parse("e-1"), kNow);
    EXPECT_TRUE(event) << event.error().detail;
  }
}

TEST(Render, APathThatIsTooLongIsAnError) {
  Change change{Change::Kind::kCreated, {}, file(std::string(200, 'x'), "/a")};
  change.after.path = "/" + std::string(kPathBytesMax, 'x');
  const auto event =
      render(change, Catalog::builtin(), *TenantName::parse("acme"), *EventId::parse("e-1"), kNow);
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().code, Code::kTooLarge);
  change.after.path.pop_back();
  EXPECT_TRUE(
      render(change, Catalog::builtin(), *TenantName::parse("acme"), *EventId::parse("e-1"), kNow));
}

TEST(DisplayName, IsAlwaysUtf8OfABoundedLength) {
  EXPECT_EQ(display_name("plain"), "plain");
  EXPECT_EQ(display_name("100%"), "100%") << "a valid name stays as it is";
  EXPECT_EQ(display_name("na\xc3\xafve"), "na\xc3\xafve");
  EXPECT_EQ(display_name("caf\xe9"), "caf%E9");
  EXPECT_EQ(display_name("\xc3\xa9 100% \xff"), "\xc3\xa9 100%25 %FF");
  EXPECT_EQ(display_name("\xf0\x9f\x98\x80\x80"), "\xf0\x9f\x98\x80%80");
  EXPECT_EQ(display_name("\xed\xa0\x80"), "%ED%A0%80") << "half a surrogate pair";

  const std::string longest(255, '\xff');
  const std::string shown = display_name(longest);
  EXPECT_LE(shown.size(), kNameBytesMax);
  EXPECT_TRUE(is_valid_utf8(shown));
  EXPECT_NE(shown, display_name(std::string(254, '\xff') + "\xfe"));
  EXPECT_EQ(display_name(std::string(255, 'x')), std::string(255, 'x'));
}

TEST(DisplayName, IsAnotherForEachName) {
  EXPECT_EQ(display_name("bad\xff"), "bad%FF");
  EXPECT_EQ(display_name("bad%FF"), "bad%25FF");
  EXPECT_EQ(display_name("bad%25FF"), "bad%2525FF");
  EXPECT_EQ(display_name("%20 %7F %ff %8 %"), "%20 %7F %ff %8 %") << "nothing that we write";
  const std::string parts[] = {"%", "2", "5", "8", "F", "f", "\xff", "\x85", "\xc3\xa9", ""};
  std::map<std::string, std::string> names;  // by what is shown
  for (std::size_t i = 0; i < 100'000; ++i) {
    std::string name;
    for (std::size_t rest = i, length = 0; length < 5; ++length, rest /= 10) {
      name += parts[rest % 10];
    }
    const auto [found, added] = names.emplace(display_name(name), name);
    ASSERT_EQ(found->second, name) << found->first;
    ASSERT_TRUE(is_valid_utf8(found->first));
  }
  const std::string cut = display_name(std::string(255, '\xff'));
  EXPECT_NE(display_name(cut), cut);
  EXPECT_LE(display_name(cut).size(), kNameBytesMax);
}

TEST(MediaType, IsByExtension) {
  EXPECT_EQ(media_type("a.txt"), "text/plain");
  EXPECT_EQ(media_type("A.B.PDF"), "application/pdf");
  EXPECT_EQ(media_type("a.7z"), "application/x-7z-compressed");
  EXPECT_EQ(media_type("a.zst"), "application/zstd");
  for (const char* unknown : {"", "a", ".txt", "a.", "a.unknown", "txt"}) {
    EXPECT_EQ(media_type(unknown), "application/octet-stream") << unknown;
  }
}

}  // namespace
}  // namespace bitvault::watch
