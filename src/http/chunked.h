// The body of a request in the chunked transfer coding (RFC 9112, 7.1). Pure.
//
// Extensions and trailers are read over, and bounded together. Lines end with CR LF, nothing else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bitvault::http {

class ChunkedDecoder {
 public:
  enum class State { kMore, kDone, kMalformed, kTooLarge };

  explicit ChunkedDecoder(std::size_t body_bytes_max) : body_bytes_max_(body_bytes_max) {}

  // Appends to `body` what it decodes from the front of `bytes`, and takes it off. Stops at the
  // body's end, leaving what follows. kTooLarge is said at the size of the chunk that would be too
  // much, before its bytes.
  State take(std::string_view& bytes, std::string& body);

 private:
  enum class Expect {
    kSize,
    kExtension,
    kSizeLineFeed,
    kData,
    kDataReturn,
    kDataLineFeed,
    kTrailerLine,  // its first byte
    kTrailer,
    kTrailerLineFeed,
    kLastLineFeed,
  };

  State take_one(char c, std::size_t body_bytes);
  State take_size(char c, std::size_t body_bytes);
  State take_over(char c, Expect at_return);
  State next(Expect expect);

  std::size_t body_bytes_max_;
  Expect expect_ = Expect::kSize;
  std::uint64_t size_ = 0;  // of the present chunk; what is missing of it
  unsigned size_digits_ = 0;
  std::size_t read_over_bytes_ = 0;
};

}  // namespace bitvault::http
