// A tenant's name: [a-z0-9][a-z0-9-]{0,62}. Made once at the edge by parse(), valid ever after.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace bitvault {

class TenantName {
 public:
  // Error: kInvalid, with the rule in its detail.
  [[nodiscard]] static Result<TenantName> parse(std::string_view text);

  [[nodiscard]] const std::string& str() const { return text_; }
  auto operator<=>(const TenantName&) const = default;

 private:
  explicit TenantName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace bitvault

template <>
struct std::hash<bitvault::TenantName> {
  std::size_t operator()(const bitvault::TenantName& name) const noexcept {
    return std::hash<std::string>{}(name.str());
  }
};
