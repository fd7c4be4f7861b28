#include "event/id.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "base/text.h"

namespace bitvault {
namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alphanumeric(char c) { return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z'); }

bool is_name(std::string_view text) {
  return !text.empty() && is_lower(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_lower(c) || is_digit(c) || c == '_'; });
}

bool is_major(std::string_view text) {  // v1, v2, ... v999
  return text.size() >= 2 && text.size() <= 4 && text[0] == 'v' && text[1] != '0' &&
         std::ranges::all_of(text.substr(1), is_digit);
}

// Cuts the text up to the next dot off the front.
std::string_view take_part(std::string_view& text) {
  const std::size_t dot = std::min(text.find('.'), text.size());
  const std::string_view part = text.substr(0, dot);
  text.remove_prefix(std::min(dot + 1, text.size()));
  return part;
}

}  // namespace

Result<EventId> EventId::parse(std::string_view text) {
  const bool valid = !text.empty() && text.size() <= 128 && std::ranges::all_of(text, [](char c) {
    return is_alphanumeric(c) || c == '_' || c == ':' || c == '-';
  });
  if (!valid) {
    return fail(Code::kInvalid, "an event id is 1 to 128 of the characters A-Z a-z 0-9 _ : -");
  }
  return EventId(std::string(text));
}

EventId EventId::make(WallTime now, std::span<const std::byte, 10> random) {
  const auto millis = std::chrono::floor<std::chrono::milliseconds>(now).time_since_epoch().count();
  std::array<std::byte, 16> uuid{};
  for (std::size_t i = 0; i < 6; ++i) {
    uuid[i] = static_cast<std::byte>((static_cast<std::uint64_t>(millis) >> (40 - 8 * i)) & 0xff);
  }
  std::ranges::copy(random, uuid.begin() + 6);
  uuid[6] = (uuid[6] & std::byte{0x0f}) | std::byte{0x70};  // version 7
  uuid[8] = (uuid[8] & std::byte{0x3f}) | std::byte{0x80};  // variant 10
  std::string text = hex(uuid);
  for (const std::size_t dash : {20u, 16u, 12u, 8u}) {
    text.insert(dash, 1, '-');
  }
  return EventId(std::move(text));
}

Result<Epoch> Epoch::parse(std::string_view text) {
  if (text.size() != kBytes ||
      !std::ranges::all_of(text, [](char c) { return is_lower(c) || is_digit(c); })) {
    return fail(Code::kInvalid, "an epoch is 12 of the characters a-z 0-9");
  }
  Epoch epoch;
  std::ranges::copy(text, epoch.text_.begin());
  return epoch;
}

Epoch Epoch::make(std::span<const std::byte, 12> random) {
  // 32 of the 36 letters, so that each byte gives one letter without bias.
  constexpr std::string_view kLetters = "abcdefghijkmnpqrstuvwxyz23456789";
  static_assert(kLetters.size() == 32);
  Epoch epoch;
  std::ranges::transform(random, epoch.text_.begin(), [&](std::byte b) {
    return kLetters[std::to_integer<std::size_t>(b) % kLetters.size()];
  });
  return epoch;
}

bool is_event_type(std::string_view text) {
  if (text.size() > 128 || take_part(text) != "bitvault") {
    return false;
  }
  const bool named = is_name(take_part(text)) && is_name(take_part(text));
  return named && is_major(text);
}

}  // namespace bitvault
