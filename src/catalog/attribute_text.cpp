#include "catalog/attribute_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace bitvault {
namespace {

unsigned byte_at(std::string_view text, std::size_t i) {
  return static_cast<unsigned char>(text[i]);
}

// The character at the front of valid UTF-8, and its length.
struct Character {
  std::uint32_t code;
  std::size_t bytes;
};

Character front(std::string_view text) {
  const unsigned lead = byte_at(text, 0);
  if (lead < 0x80) {
    return {lead, 1};
  }
  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  std::uint32_t code = lead & (0x7fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    code = (code << 6) | (byte_at(text, i) & 0x3f);
  }
  return {code, bytes};
}

bool is_forbidden(std::uint32_t code) {
  const bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
  const bool noncharacter = (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) == 0xfffe;
  return control || noncharacter;
}

}  // namespace

std::string attribute_text(std::string_view utf8) {
  const auto plain = [](char c) { return c >= ' ' && c <= '~'; };
  if (std::ranges::all_of(utf8, plain)) {
    return std::string(utf8);
  }
  std::string out;
  out.reserve(utf8.size() + 16);
  while (!utf8.empty()) {
    const auto [code, bytes] = front(utf8);
    if (is_forbidden(code)) {
      for (std::size_t i = 0; i < bytes; ++i) {
        fmt::format_to(std::back_inserter(out), "%{:02X}", byte_at(utf8, i));
      }
    } else {
      out.append(utf8, 0, bytes);
    }
    utf8.remove_prefix(bytes);
  }
  return out;
}

}  // namespace bitvault
