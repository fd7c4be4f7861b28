// Text encodings with one form each: JSON strings, base64url, hexadecimal, UTF-8, numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bitvault {

// Appends `text` as a JSON string (RFC 8259): `"`, `\` and the control characters below 0x20 are
// escaped (\b \f \n \r \t, otherwise \u00xx in lower-case hexadecimal), everything else stands as
// it is. This is also how PostgreSQL renders a string in jsonb. `text` must be valid UTF-8.
void append_json_string(std::string& out, std::string_view text);
[[nodiscard]] std::string json_string(std::string_view text);

[[nodiscard]] bool is_valid_utf8(std::string_view text);

// RFC 4648 section 5, without padding.
[[nodiscard]] std::string base64url(std::span<const std::byte> bytes);
// Only the canonical form is accepted: no padding, no white space, unused bits zero.
[[nodiscard]] std::optional<std::string> from_base64url(std::string_view text);
// RFC 4648 section 4, with padding.
[[nodiscard]] std::string base64(std::span<const std::byte> bytes);
// Only the canonical form is accepted: padded, no white space, unused bits zero.
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

[[nodiscard]] std::string hex(std::span<const std::byte> bytes);

// ASCII letters alone change; every other byte stays.
[[nodiscard]] constexpr char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
[[nodiscard]] bool equal_ignoring_ascii_case(std::string_view a, std::string_view b);

// Decimal digits only, no sign, no blanks, at most 2^64 - 1.
[[nodiscard]] std::optional<std::uint64_t> parse_uint(std::string_view text);

// RFC 3986 percent-decoding; nothing when a `%` is not followed by two hexadecimal digits.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);

[[nodiscard]] inline std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace bitvault
