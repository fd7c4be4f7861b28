#include "http/chunked.h"

#include <gtest/gtest.h>

namespace bitvault::http {
namespace {

using State = ChunkedDecoder::State;

struct Outcome {
  State state = State::kMore;
  std::string body;
  std::string left;
  bool operator==(const Outcome&) const = default;
};

// Decodes `text` given in pieces of this size.
Outcome decode(std::string_view text, std::size_t piece_bytes) {
  ChunkedDecoder decoder(100);
  Outcome outcome;
  while (!text.empty() && outcome.state == State::kMore) {
    std::string_view piece = text.substr(0, piece_bytes);
    const std::size_t before = piece.size();
    outcome.state = decoder.take(piece, outcome.body);
    text.remove_prefix(before - piece.size());
  }
  outcome.left = text;
  return outcome;
}

TEST(Chunked, DecodesInPiecesOfAnySize) {
  struct Case {
    const char* text;
    const char* body;
    const char* left;
  };
  const Case cases[] = {
      {"0\r\n\r\n", "", ""},
      {"5\r\nhello\r\n0\r\n\r\n", "hello", ""},
      {"005\r\nhello\r\n1\r\n!\r\n000\r\n\r\n", "hello!", ""},
      {"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", ""},
      {"2\r\n\r\n\r\n0\r\n\r\n", "\r\n", ""},
      {"5;a=b;c=\"d e\"\r\nhello\r\n0 ;x\r\n\r\n", "hello", ""},
      {"0\r\nTrailer: x\r\nOther:\t y\r\n\r\n", "", ""},
      {"1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1\r\n", "x", "GET / HTTP/1.1\r\n"},
  };
  for (const Case& c : cases) {
    for (const std::size_t piece_bytes : {1u, 2u, 3u, 5u, 1000u}) {
      EXPECT_EQ(decode(c.text, piece_bytes), (Outcome{State::kDone, c.body, c.left}))
          << c.text << " by " << piece_bytes;
    }
  }
}

TEST(Chunked, RefusesWhatCouldBeReadTwoWays) {
  for (const char* text :
       {"\r\n", "zz\r\n", "-1\r\nx", "0x5\r\nhello", " 5\r\nhello", "5\nhello", "5\r\r\nhello",
        "5\r\nhello0\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhelloXX0\r\n\r\n", "0\r\n\n", "0\n\r\n",
        "5;a\nhello", "5;\x01\r\nhello", "0\r\nA: b\n\r\n", "0\r\n\rX", "0000000000000005\r\nhello",
        "ffffffffffffffffff\r\n", "5,\r\nhello"}) {
    for (const std::size_t piece_bytes : {1u, 1000u}) {
      EXPECT_EQ(decode(text, piece_bytes).state, State::kMalformed) << text;
    }
  }
}

TEST(Chunked, BoundsTheBody) {
  EXPECT_EQ(decode("64\r\n" + std::string(100, 'x') + "\r\n0\r\n\r\n", 7).state, State::kDone);
  EXPECT_EQ(decode("65\r\n", 1000).state, State::kTooLarge) << "before its first byte";
  EXPECT_EQ(decode("64\r\n" + std::string(100, 'x') + "\r\n1\r\n", 7).state, State::kTooLarge);
  EXPECT_EQ(decode("fffffffffffffff\r\n", 1000).state, State::kTooLarge);
}

TEST(Chunked, BoundsWhatItReadsOver) {
  const std::string much(16 * 1024 + 1, 'x');
  EXPECT_EQ(decode("5;" + much, 1000).state, State::kMalformed);
  EXPECT_EQ(decode("0\r\n" + much, 1000).state, State::kMalformed);
  std::string many;
  for (int i = 0; i < 100; ++i) {
    many += "1;" + std::string(200, 'e') + "\r\nx\r\n";
  }
  EXPECT_EQ(decode(many, 1000).state, State::kMalformed) << "all extensions together";
}

TEST(Chunked, WaitsForTheRest) {
  const std::string whole = "5;x\r\nhello\r\n0\r\nA: b\r\n\r\n";
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    EXPECT_EQ(decode(whole.substr(0, bytes), 1000).state, State::kMore) << bytes;
  }
}

}  // namespace
}  // namespace bitvault::http
