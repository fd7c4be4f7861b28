// Texts with one form each: UTF-8, JSON strings, base64url, percent-encoding, numbers and times.

#include <fmt/format.h>
#include <simdjson.h>

#include <string>

#include "base/text.h"
#include "base/time.h"
#include "fuzz.h"

namespace bitvault::fuzz {
namespace {

void utf8_and_json(std::string_view text) {
  const bool valid = is_valid_utf8(text);
  check(valid == simdjson::validate_utf8(text.data(), text.size()), "UTF-8 is what simdjson says");
  if (!valid) {
    return;
  }
  const std::string quoted = json_string(text);
  simdjson::dom::parser parser;
  std::string_view read;
  check(parser.parse(quoted).get(read) == simdjson::SUCCESS && read == text,
        "a JSON string reads as what was written");
}

void encodings(std::string_view text) {
  const std::string encoded = base64url(as_bytes(text));
  check(from_base64url(encoded) == text, "base64url decodes to what was encoded");
  if (const auto decoded = from_base64url(text)) {
    check(base64url(as_bytes(*decoded)) == text, "base64url has one form");
  }
  check(percent_decode(percent_encode(text)) == text,
        "percent-encoding decodes to what was encoded");
  const auto decoded = percent_decode(text);
  check(!decoded || decoded->size() <= text.size(), "percent-decoding never grows");
}

void numbers_and_times(std::string_view text) {
  if (const auto number = parse_uint(text)) {
    check(parse_uint(fmt::to_string(*number)) == number, "a number reads as what was written");
  }
  if (const auto time = parse_time(text)) {
    const std::string written = format_time(*time);
    check(written.size() == kTimeTextBytes && parse_time(written).value() == *time,
          "a time reads as what was written");
  }
}

void run(std::string_view input) {
  utf8_and_json(input);
  encodings(input);
  numbers_and_times(input);
}

const Registered kText({"text", run});

}  // namespace
}  // namespace bitvault::fuzz
