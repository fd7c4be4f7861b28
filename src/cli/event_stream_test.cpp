#include "cli/event_stream.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace bitvault::cli {
namespace {

// What a stream says, in one line: "id/event/data ".
std::string said(const std::vector<std::string_view>& pieces) {
  EventStream stream;
  std::string all;
  for (const std::string_view piece : pieces) {
    EXPECT_TRUE(stream.read(piece, [&](const StreamMessage& message) {
      all += fmt::format("{}/{}/{} ", message.id, message.event, message.data);
    }));
  }
  return all;
}

std::string said(std::string_view text) { return said(std::vector<std::string_view>{text}); }

TEST(EventStream, GivesMessages) {
  EXPECT_EQ(said("id: a\nevent: t\ndata: x\n\n"), "a/t/x ");
  EXPECT_EQ(said("data:x\n\ndata:  y\n\n"), "//x // y ");
  EXPECT_EQ(said("data: 1\ndata\ndata: 3\n\n"), "//1\n\n3 ");
  EXPECT_EQ(said("event: t\nid: b\nid: c\nevent: u\ndata: {\"a\": 1}\n\n"), "c/u/{\"a\": 1} ");
  EXPECT_EQ(said("data: x\n\nevent: t\n\ndata: y\n\n"), "//x //y ") << "a name without data goes";
}

TEST(EventStream, TheIdLastsAndMayMoveAlone) {
  EXPECT_EQ(said("id: a\ndata: x\n\ndata: y\n\n"), "a//x a//y ");
  EXPECT_EQ(said(":\nid: b\n\n:\n\ndata: x\n\n"), "b// b//x ");
  EXPECT_EQ(said("id: a\ndata: x\n\nid\ndata: y\n\n"), "a//x //y ");
  EXPECT_EQ(said(std::string_view("id: a\0b\ndata: x\n\n", 17)), "//x ");
}

TEST(EventStream, PassesOverWhatIsNothing) {
  EXPECT_EQ(said(": comment\n\n:\n\nunknown: x\nDATA: x\n data: x\n\n"), "");
  EXPECT_EQ(said("\xef\xbb\xbf"
                 "data: x\n\ndata: \xef\xbb\xbf\n\n"),
            "//x //\xef\xbb\xbf ");
  EXPECT_EQ(said("data: x\n\ndata: not finished\n"), "//x ");
}

TEST(EventStream, EveryLineEndingAndEveryCutIsTheSame) {
  for (const std::string_view end : {"\n", "\r", "\r\n"}) {
    const std::string text = fmt::format(
        "\xef\xbb\xbf:c{0}retry: 5{0}id: a{0}event: t{0}data: x{0}data: y{0}{0}id: b{0}{0}data: "
        "z{0}{0}",
        end);
    const std::string expected = "a/t/x\ny b// b//z ";
    ASSERT_EQ(said(text), expected);
    for (std::size_t i = 0; i <= text.size(); ++i) {
      for (std::size_t j = i; j <= text.size(); ++j) {
        const std::string_view view = text;
        ASSERT_EQ(said({view.substr(0, i), view.substr(i, j - i), view.substr(j)}), expected)
            << i << " " << j;
      }
    }
  }
}

TEST(EventStream, TellsWhenToComeBack) {
  EventStream stream;
  const auto none = [](const StreamMessage&) {};
  EXPECT_EQ(stream.retry(), std::nullopt);
  EXPECT_TRUE(stream.read("retry: 1500\n\nretry: soon\nretry: -1\n", none));
  EXPECT_EQ(stream.retry(), std::chrono::milliseconds(1500));
  EXPECT_TRUE(stream.read("retry: 99999999999\n", none));
  EXPECT_EQ(stream.retry(), std::chrono::minutes(1));
}

TEST(EventStream, AMessageHasALimit) {
  const auto none = [](const StreamMessage&) {};
  const std::string most(EventStream::kMessageBytesMax - 10, 'x');
  EventStream lines;
  EXPECT_TRUE(lines.read("data: " + most + "\n\n", none));
  EXPECT_FALSE(lines.read(most + most, none));
  EventStream data;
  const std::string line = "data: " + std::string(1'000, 'x') + "\n";
  bool open = true;
  for (std::size_t i = 0; i < 2'000 && open; ++i) {
    open = data.read(line, none);
  }
  EXPECT_FALSE(open);
}

}  // namespace
}  // namespace bitvault::cli
