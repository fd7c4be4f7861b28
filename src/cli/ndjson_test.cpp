#include "cli/ndjson.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace bitvault::cli {
namespace {

using State = NdjsonBatcher::State;

NdjsonBatcher make_batcher() {
  return NdjsonBatcher([n = 0]() mutable { return fmt::format("id{}", ++n); });
}

TEST(Ndjson, GivesIdsToLinesWithoutOne) {
  NdjsonBatcher batcher = make_batcher();
  batcher.push("{\"type\":\"a\"}\n\n  {\"id\":\"mine\"}\r\n{ }\n{\"a\":{\"id\":1}}");
  batcher.end();
  ASSERT_EQ(batcher.fill(), State::kDone);
  const Batch batch = batcher.take();
  EXPECT_EQ(batch.body,
            "{\"id\":\"id1\",\"type\":\"a\"}\n{\"id\":\"mine\"}\n{\"id\":\"id2\" }\n"
            "{\"id\":\"id3\",\"a\":{\"id\":1}}\n");
  EXPECT_EQ(batch.line_numbers, (std::vector<std::uint64_t>{1, 3, 4, 5}));
  EXPECT_TRUE(batcher.batch().empty());
}

TEST(Ndjson, AnIdOfNullIsNone) {
  NdjsonBatcher batcher = make_batcher();
  batcher.push("{\"id\":null}\n{\"id\":null,\"id\":\"mine\"}\n");
  EXPECT_EQ(batcher.fill(), State::kHungry);
  EXPECT_EQ(batcher.take().body, "{\"id\":\"id1\",\"id\":null}\n{\"id\":null,\"id\":\"mine\"}\n");
}

TEST(Ndjson, TheLengthOfALineCountsItsBlanksHoweverItArrives) {
  const std::string line = "{}" + std::string(kLineBytesMax - 2, ' ');
  for (const std::string_view end : {"\n", " \n"}) {
    NdjsonBatcher whole = make_batcher();
    whole.push(line + std::string(end));
    NdjsonBatcher pieces = make_batcher();
    pieces.push(line);
    ASSERT_EQ(pieces.fill(), State::kHungry);
    pieces.push(end);
    const State expected = end == "\n" ? State::kHungry : State::kBroken;
    EXPECT_EQ(whole.fill(), expected);
    EXPECT_EQ(pieces.fill(), expected);
  }
}

TEST(Ndjson, LinesMayArriveInAnyPieces) {
  const std::string input = "{\"id\":\"1\"}\n{\"id\":\"2\"}\n{\"id\":\"3\"}";
  for (std::size_t piece = 1; piece <= input.size(); ++piece) {
    NdjsonBatcher batcher = make_batcher();
    for (std::size_t at = 0; at < input.size(); at += piece) {
      batcher.push(input.substr(at, piece));
      ASSERT_EQ(batcher.fill(), State::kHungry);
    }
    batcher.end();
    ASSERT_EQ(batcher.fill(), State::kDone);
    EXPECT_EQ(batcher.take().body, input + "\n") << piece;
  }
}

TEST(Ndjson, BatchesAreBoundedByEvents) {
  NdjsonBatcher batcher = make_batcher();
  for (std::size_t i = 0; i < kBatchEventsMax * 2 + 1; ++i) {
    batcher.push("{\"id\":\"x\"}\n");
  }
  EXPECT_EQ(batcher.fill(), State::kFull);
  EXPECT_EQ(batcher.fill(), State::kFull);  // until it is taken
  EXPECT_EQ(batcher.take().line_numbers.size(), kBatchEventsMax);
  EXPECT_EQ(batcher.fill(), State::kFull);
  EXPECT_EQ(batcher.take().line_numbers.front(), kBatchEventsMax + 1);
  EXPECT_EQ(batcher.fill(), State::kHungry);
  EXPECT_EQ(batcher.batch().line_numbers.size(), 1u);
}

TEST(Ndjson, BatchesAreBoundedByBytes) {
  NdjsonBatcher batcher = make_batcher();
  const std::string line = "{\"id\":\"" + std::string(900'000, 'x') + "\"}\n";
  std::size_t events = 0;
  for (int i = 0; i < 12; ++i) {
    batcher.push(line);
    while (batcher.fill() == State::kFull) {
      const Batch batch = batcher.take();
      EXPECT_LE(batch.body.size(), kBatchBytesMax);
      EXPECT_GE(batch.line_numbers.size(), 3u);
      events += batch.line_numbers.size();
    }
  }
  EXPECT_EQ(events + batcher.batch().line_numbers.size(), 12u);
}

TEST(Ndjson, AWrongLineKeepsTheOnesBefore) {
  for (const char* wrong : {"{\"a\":", "[1]", "\"text\"", "null", "{} {}", "{\"a\":\"\xff\"}"}) {
    NdjsonBatcher batcher = make_batcher();
    batcher.push(std::string("{}\n\n") + wrong + "\n{}\n");
    ASSERT_EQ(batcher.fill(), State::kBroken) << wrong;
    EXPECT_EQ(batcher.error().line, 3u);
    EXPECT_EQ(batcher.take().line_numbers, std::vector<std::uint64_t>{1});
    EXPECT_EQ(batcher.fill(), State::kBroken);
  }
}

TEST(Ndjson, AnEndlessLineIsRefusedBeforeItEnds) {
  NdjsonBatcher batcher = make_batcher();
  batcher.push(std::string(kLineBytesMax, ' '));
  EXPECT_EQ(batcher.fill(), State::kHungry);
  batcher.push("  ");
  EXPECT_EQ(batcher.fill(), State::kBroken);
  EXPECT_EQ(batcher.error().line, 1u);
}

TEST(Ndjson, ALastLineNeedsNoEndButItsEndDecides) {
  NdjsonBatcher batcher = make_batcher();
  batcher.push("{\"id\":\"1\"}");
  EXPECT_EQ(batcher.fill(), State::kHungry) << "more of the line may come";
  EXPECT_TRUE(batcher.batch().empty());
  batcher.end();
  EXPECT_EQ(batcher.fill(), State::kDone);
  EXPECT_EQ(batcher.take().line_numbers.size(), 1u);
  NdjsonBatcher torn = make_batcher();
  torn.push("{\"id\":\"1\"}\n{\"id\":");
  torn.end();
  EXPECT_EQ(torn.fill(), State::kBroken);
  EXPECT_EQ(torn.error().line, 2u);
}

TEST(Ndjson, KeepsTheBytesOfALine) {
  NdjsonBatcher batcher = make_batcher();
  const std::string line = R"({"id":"a b",  "data" : {"n":1.0e0,"s":"\u00e9\/"} , "x":null})";
  batcher.push(line + "\n");
  EXPECT_EQ(batcher.fill(), State::kHungry);
  EXPECT_EQ(batcher.take().body, line + "\n");
}

TEST(Ndjson, AnIdInsideTheDataIsNotTheEventsId) {
  NdjsonBatcher batcher = make_batcher();
  batcher.push(R"({"data":{"id":"x"}})"
               "\n"
               R"({"Id":"x"})"
               "\n"
               R"({"\u0069d":"x"})"
               "\n");
  EXPECT_EQ(batcher.fill(), State::kHungry);
  EXPECT_EQ(batcher.take().body, R"({"id":"id1","data":{"id":"x"}})"
                                 "\n"
                                 R"({"id":"id2","Id":"x"})"
                                 "\n"
                                 R"({"\u0069d":"x"})"
                                 "\n");
}

TEST(Ndjson, NothingIsNothing) {
  NdjsonBatcher batcher = make_batcher();
  batcher.push("\n \n\r\n");
  batcher.end();
  EXPECT_EQ(batcher.fill(), State::kDone);
  EXPECT_TRUE(batcher.take().empty());
}

}  // namespace
}  // namespace bitvault::cli
