#include "base/tenant_name.h"

#include <algorithm>

namespace bitvault {

Result<TenantName> TenantName::parse(std::string_view text) {
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const bool valid = !text.empty() && text.size() <= 63 && alphanumeric(text.front()) &&
                     std::ranges::all_of(text, [&](char c) { return alphanumeric(c) || c == '-'; });
  if (!valid) {
    return fail(Code::kInvalid,
                "a tenant's name is 1 to 63 lower-case letters, digits and hyphens, and does not "
                "start with a hyphen");
  }
  return TenantName(std::string(text));
}

}  // namespace bitvault
