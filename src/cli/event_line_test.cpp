#include "cli/event_line.h"

#include <gtest/gtest.h>

#include "cli/console.h"

namespace bitvault::cli {
namespace {

constexpr std::string_view kMoved =
    R"({"specversion":"1.0","id":"e1","source":"/tenants/acme","type":"bitvault.node.moved.v1",)"
    R"("subject":"/b/x.pdf","time":"2026-11-23T04:22:01.000000Z",)"
    R"("recordedtime":"2026-11-23T04:22:02.123456Z","tenant":"acme","epoch":"abcdefghijkl",)"
    R"("sequence":"00000000000000000017","data":{"actor":{"kind":"ACTOR_KIND_USER","id":"u1"},)"
    R"("node":{"id":"n1","path":"/b/x.pdf"},"before":{"path":"/a/x.pdf","version":"1"},)"
    R"("after":{"path":"/b/x.pdf","version":"2"}}})";

TEST(EventLine, ShowsWhenWhichWhatAndTheChange) {
  EXPECT_EQ(render_event(kMoved, false),
            "2026-11-23T04:22:02.123Z      17  bitvault.node.moved.v1      /b/x.pdf  "
            "path: /a/x.pdf -> /b/x.pdf");
  EXPECT_EQ(sequence_of(kMoved), 17u);
}

TEST(EventLine, ColoursOnlyWhenAsked) {
  EXPECT_EQ(render_event(kMoved, false).find('\x1b'), std::string::npos);
  EXPECT_NE(render_event(kMoved, true).find('\x1b'), std::string::npos);
}

TEST(EventLine, SummarizesPlainValuesWithoutNoise) {
  EXPECT_EQ(summarize(R"({"actor":{"id":"u1","name":"Ada"},"node":{"id":"n","path":"/b/x.pdf",)"
                      R"("name":"x.pdf","size":"42","checksum":"sha256:00"}})",
                      "/b/x.pdf"),
            "actor.name=Ada  node.size=42");
  EXPECT_EQ(summarize("{}", ""), "");
  EXPECT_EQ(summarize("no json", ""), "");
}

TEST(EventLine, EnumsAreShort) {
  EXPECT_EQ(summarize(R"({"node":{"kind":"NODE_KIND_FILE"},"kind":"KIND_","name":"NAME_X y"})", ""),
            "node.kind=file  kind=KIND_  name=NAME_X y");
  EXPECT_EQ(
      summarize(R"({"before":{"role":"SHARE_ROLE_VIEWER"},"after":{"role":"SHARE_ROLE_EDITOR"}})",
                ""),
      "role: viewer -> editor");
}

TEST(EventLine, ChangesOfNoiseAloneAreShown) {
  EXPECT_EQ(summarize(R"({"before":{"version":"1"},"after":{"version":"2"}})", ""),
            "version: 1 -> 2");
  EXPECT_EQ(summarize(R"({"before":{},"after":{"trashed":true}})", ""), "trashed: none -> true");
}

TEST(EventLine, IsShortAndCutsWholeCharacters) {
  std::string name;
  for (int i = 0; i < 200; ++i) {
    name += "\u00e9";
  }
  const std::string summary = summarize(R"({"a":")" + name + "\"}", "");
  EXPECT_LE(width(summary), kSummaryWidthMax);
  EXPECT_TRUE(summary.ends_with("\u00e9\u2026"));
}

TEST(EventLine, HostileTextStaysOnItsLine) {
  const std::string line = render_event(
      R"({"type":"a\u001b]0;x\u0007","subject":"x\ny\u202e","sequence":"7","data":{"k":"\r\n"}})",
      true);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(line.find('\x07'), std::string::npos);
  EXPECT_EQ(line.find("\x1b]"), std::string::npos);
  EXPECT_NE(line.find("x\\x0ay\\u{202e}"), std::string::npos);
  EXPECT_EQ(render_event("not \x1b json", false), "not \\x1b json");
}

TEST(EventLine, SequencesThatAreNone) {
  EXPECT_EQ(sequence_of("{}"), std::nullopt);
  EXPECT_EQ(sequence_of(R"({"sequence":"x"})"), std::nullopt);
  EXPECT_EQ(sequence_of("["), std::nullopt);
}

}  // namespace
}  // namespace bitvault::cli
