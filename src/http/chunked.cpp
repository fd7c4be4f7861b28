#include "http/chunked.h"

#include <algorithm>

namespace bitvault::http {
namespace {

// Of extensions and trailers together: nobody here has a use for either.
constexpr std::size_t kReadOverBytesMax = 16 * 1024;
constexpr unsigned kSizeDigitsMax = 15;

int hex_value(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char letter = static_cast<char>(c | 0x20);
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

}  // namespace

ChunkedDecoder::State ChunkedDecoder::take(std::string_view& bytes, std::string& body) {
  State state = State::kMore;
  while (state == State::kMore && !bytes.empty()) {
    if (expect_ == Expect::kData) {
      const std::size_t count =
          static_cast<std::size_t>(std::min<std::uint64_t>(size_, bytes.size()));
      body += bytes.substr(0, count);
      bytes.remove_prefix(count);
      size_ -= count;
      if (size_ == 0) {
        expect_ = Expect::kDataReturn;
      }
    } else {
      state = take_one(bytes.front(), body.size());
      bytes.remove_prefix(1);
    }
  }
  return state;
}

ChunkedDecoder::State ChunkedDecoder::next(Expect expect) {
  expect_ = expect;
  return State::kMore;
}

ChunkedDecoder::State ChunkedDecoder::take_one(char c, std::size_t body_bytes) {
  switch (expect_) {
    case Expect::kSize:
      return take_size(c, body_bytes);
    case Expect::kExtension:
      return take_over(c, Expect::kSizeLineFeed);
    case Expect::kSizeLineFeed:
      size_digits_ = 0;
      return c != '\n' ? State::kMalformed : next(size_ > 0 ? Expect::kData : Expect::kTrailerLine);
    case Expect::kData:
      break;  // take() has it
    case Expect::kDataReturn:
      return c != '\r' ? State::kMalformed : next(Expect::kDataLineFeed);
    case Expect::kDataLineFeed:
      return c != '\n' ? State::kMalformed : next(Expect::kSize);
    case Expect::kTrailerLine:
      if (c == '\r') {
        return next(Expect::kLastLineFeed);
      }
      expect_ = Expect::kTrailer;
      return take_over(c, Expect::kTrailerLineFeed);
    case Expect::kTrailer:
      return take_over(c, Expect::kTrailerLineFeed);
    case Expect::kTrailerLineFeed:
      return c != '\n' ? State::kMalformed : next(Expect::kTrailerLine);
    case Expect::kLastLineFeed:
      return c != '\n' ? State::kMalformed : State::kDone;
  }
  return State::kMalformed;
}

ChunkedDecoder::State ChunkedDecoder::take_size(char c, std::size_t body_bytes) {
  if (const int digit = hex_value(c); digit >= 0) {
    if (++size_digits_ > kSizeDigitsMax) {
      return State::kMalformed;
    }
    size_ = size_ * 16 + static_cast<std::uint64_t>(digit);
    return State::kMore;
  }
  if (size_digits_ == 0) {
    return State::kMalformed;
  }
  if (size_ > body_bytes_max_ - std::min(body_bytes_max_, body_bytes)) {
    return State::kTooLarge;
  }
  if (c == '\r') {
    return next(Expect::kSizeLineFeed);
  }
  const bool extension = c == ';' || c == ' ' || c == '\t';
  return extension ? next(Expect::kExtension) : State::kMalformed;
}

ChunkedDecoder::State ChunkedDecoder::take_over(char c, Expect at_return) {
  if (c == '\r') {
    return next(at_return);
  }
  const bool control = (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  return control || ++read_over_bytes_ > kReadOverBytesMax ? State::kMalformed : State::kMore;
}

}  // namespace bitvault::http
