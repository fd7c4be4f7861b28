// Scopes: what a key allows. A set of them is a small value.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace bitvault {

enum class Scope : std::uint8_t {
  kEventsRead,
  kEventsWrite,
  kWebhooksManage,
  kSinksManage,
  kFunctionsManage,
  kNotificationsManage,
  kLogRead,
  kInboxRead,
  kAdmin,
};

[[nodiscard]] std::string_view scope_name(Scope scope);
[[nodiscard]] std::optional<Scope> parse_scope(std::string_view name);

class Scopes {
 public:
  constexpr Scopes() = default;
  [[nodiscard]] static constexpr Scopes all() { return Scopes((1u << 9) - 1); }

  constexpr void add(Scope scope) { bits_ |= 1u << static_cast<unsigned>(scope); }
  [[nodiscard]] constexpr bool has(Scope scope) const {
    return (bits_ & (1u << static_cast<unsigned>(scope))) != 0;
  }
  [[nodiscard]] constexpr bool covers(Scopes others) const { return (others.bits_ & ~bits_) == 0; }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  [[nodiscard]] std::vector<Scope> list() const;
  constexpr bool operator==(const Scopes&) const = default;

 private:
  constexpr explicit Scopes(unsigned bits) : bits_(bits) {}
  unsigned bits_ = 0;
};

}  // namespace bitvault
