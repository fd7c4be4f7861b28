#include "pattern/condition.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "pattern/letter_case.h"

namespace bitvault::pattern {

bool Wildcard::meets(std::string_view text) const {
  if (text.size() < pieces.front().size() + pieces.back().size() ||
      !text.starts_with(pieces.front()) || !text.ends_with(pieces.back())) {
    return false;
  }
  text.remove_prefix(pieces.front().size());
  text.remove_suffix(pieces.back().size());
  for (std::size_t i = 1; i + 1 < pieces.size(); ++i) {
    const std::string& piece = pieces[i];
    // memmem() is linear; string_view::find() is not.
    const void* const found = memmem(text.data(), text.size(), piece.data(), piece.size());
    if (found == nullptr) {
      return false;
    }
    const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
    text.remove_prefix(end + piece.size());
  }
  return true;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN + 1> terminated = {};
  if (text.size() < 2 || text.size() >= terminated.size()) {
    return std::nullopt;
  }
  std::ranges::copy(text, terminated.begin());
  IpAddress ip;
  if (inet_pton(AF_INET, terminated.data(), ip.bytes.data()) == 1) {
    ip.size = 4;
  } else if (inet_pton(AF_INET6, terminated.data(), ip.bytes.data()) == 1) {
    ip.size = 16;
  } else {
    return std::nullopt;
  }
  return text.find('\0') == std::string_view::npos ? std::optional(ip) : std::nullopt;
}

bool IpRange::meets(const IpAddress& ip) const {
  if (ip.size != address.size) {
    return false;
  }
  const std::size_t whole = bits / 8;
  if (!std::equal(ip.bytes.begin(), ip.bytes.begin() + static_cast<std::ptrdiff_t>(whole),
                  address.bytes.begin())) {
    return false;
  }
  const unsigned rest = bits % 8;
  return rest == 0 || ((ip.bytes[whole] ^ address.bytes[whole]) >> (8 - rest)) == 0;
}

bool TextTests::meets(std::string_view text) const {
  return std::ranges::binary_search(equal, text) ||
         std::ranges::any_of(prefixes,
                             [&](const auto& prefix) { return text.starts_with(prefix); }) ||
         std::ranges::any_of(suffixes, [&](const auto& suffix) { return text.ends_with(suffix); });
}

void Tests::sort() {
  std::ranges::sort(text.equal);
  std::ranges::sort(text_in_one_case.equal);
  std::ranges::sort(numbers);
}

bool Tests::meets(std::string_view string) const {
  if (text.meets(string) ||
      std::ranges::any_of(wildcards,
                          [&](const Wildcard& wildcard) { return wildcard.meets(string); }) ||
      (!text_in_one_case.empty() && text_in_one_case.meets(in_one_case(string)))) {
    return true;
  }
  if (networks.empty()) {
    return false;
  }
  const auto ip = IpAddress::parse(string);
  return ip &&
         std::ranges::any_of(networks, [&](const IpRange& range) { return range.meets(*ip); });
}

bool Tests::meets(Number number) const {
  return std::ranges::binary_search(numbers, number) ||
         std::ranges::any_of(ranges, [&](const NumberRange& range) { return range.meets(number); });
}

bool Tests::meets(const Value& value) const {
  switch (value.kind) {
    case Kind::kString:
      return meets(value.text);
    case Kind::kNumber:
      return meets(value.number);
    case Kind::kTrue:
      return true_;
    case Kind::kFalse:
      return false_;
    case Kind::kNull:
      return null_;
  }
  return false;
}

bool Condition::meets(const Value& value) const {
  return exists || any_of.meets(value) ||
         std::ranges::any_of(none_of, [&](const Tests& tests) { return !tests.meets(value); });
}

}  // namespace bitvault::pattern
