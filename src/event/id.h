// Event ids, epochs and types: strong values that are valid from the moment they are made.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"

namespace bitvault {

// 1 to 128 of [A-Za-z0-9_:-]. It becomes `webhook-id`, where a dot would break the signed string.
class EventId {
 public:
  [[nodiscard]] static Result<EventId> parse(std::string_view text);

  // A UUIDv7 (RFC 9562, 5.7): the time in milliseconds, then 74 of the random bits.
  [[nodiscard]] static EventId make(WallTime now, std::span<const std::byte, 10> random);

  [[nodiscard]] const std::string& str() const { return text_; }
  auto operator<=>(const EventId&) const = default;

 private:
  explicit EventId(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// The identity of a tenant's history: 12 of [a-z0-9], drawn at random when the history begins.
class Epoch {
 public:
  static constexpr std::size_t kBytes = 12;

  [[nodiscard]] static Result<Epoch> parse(std::string_view text);
  [[nodiscard]] static Epoch make(std::span<const std::byte, 12> random);

  [[nodiscard]] std::string_view str() const { return {text_.data(), text_.size()}; }
  auto operator<=>(const Epoch&) const = default;

 private:
  Epoch() = default;
  std::array<char, kBytes> text_{};
};

// bitvault.<aggregate>.<verb>.v<major>, each name [a-z][a-z0-9_]*, at most 128 bytes.
[[nodiscard]] bool is_event_type(std::string_view text);

}  // namespace bitvault
