// Bodies in the chunked coding: the input as it is sent, and as a body that is encoded first.

#include <fmt/format.h>

#include <optional>
#include <string>

#include "fuzz.h"
#include "http/chunked.h"

namespace bitvault::fuzz {
namespace {

using State = http::ChunkedDecoder::State;

constexpr std::size_t kBodyBytesMax = 1'000;

struct Decoded {
  State state = State::kMore;
  std::string body;
  std::size_t bytes = 0;  // of the coding, as far as it was decoded
  bool operator==(const Decoded&) const = default;
};

Decoded decode(const NextPiece& next) {
  http::ChunkedDecoder decoder(kBodyBytesMax);
  Decoded decoded;
  while (decoded.state == State::kMore) {
    std::string_view piece = next();
    if (piece.empty()) {
      break;
    }
    const std::size_t before = piece.size();
    decoded.state = decoder.take(piece, decoded.body);
    check(decoded.state != State::kMore || piece.empty(),
          "a piece is used up while more is needed");
    check(decoded.body.size() <= kBodyBytesMax, "a body stays within its limit");
    decoded.bytes += before - piece.size();
  }
  return decoded;
}

// However the coding is cut, the same comes out; that is returned.
Decoded decode_in_any_pieces(std::string_view coding) {
  std::optional<Decoded> first;
  for_each_cutting(coding, [&](const NextPiece& next) {
    const Decoded decoded = decode(next);
    check(!first || decoded == *first, "a body is the same however it is cut");
    first = decoded;
  });
  return *first;
}

std::string encode(std::string_view body, Dice& dice) {
  std::string coding;
  while (!body.empty()) {
    const std::string_view chunk = body.substr(0, 1 + dice.below(40));
    body.remove_prefix(chunk.size());
    coding += fmt::format("{:x}\r\n{}\r\n", chunk.size(), chunk);
  }
  return coding + "0\r\n\r\n";
}

void run(std::string_view input) {
  const Decoded sent = decode_in_any_pieces(input);
  if (sent.state == State::kDone) {
    const Decoded shorter = decode_in_any_pieces(input.substr(0, sent.bytes - 1));
    check(shorter.state == State::kMore, "a body needs all the bytes of its coding");
  }
  Dice dice(input);
  const std::string coding = encode(input, dice);
  const Decoded decoded = decode_in_any_pieces(coding + "GET");
  if (input.size() > kBodyBytesMax) {
    check(decoded.state == State::kTooLarge, "a body beyond the limit is too large");
  } else {
    check(decoded == Decoded{State::kDone, std::string(input), coding.size()},
          "a body decodes to what was encoded");
  }
}

const Registered kChunked({"http_chunked", run});

}  // namespace
}  // namespace bitvault::fuzz
