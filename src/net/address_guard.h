// The address guard: which servers a tenant may have us call. Pure.
//
// Public unicast addresses are open. Special-purpose ones (the IANA registries of RFC 6890 for IPv4
// and IPv6) are not, nor are IPv6 forms that carry such an IPv4 address (mapped, NAT64, 6to4). An
// operator opens ranges: `allowed` opens what it covers, whatever that is; `allow_private` opens
// loopback and private networks, never link-local addresses and those of cloud metadata.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

struct sockaddr;

namespace bitvault::net {

inline constexpr std::size_t kTargetUrlBytesMax = 2'048;

// An IPv4 address is kept as its mapped form, ::ffff:a.b.c.d.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};

  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);
  // Nothing when it is neither IPv4 nor IPv6.
  [[nodiscard]] static std::optional<IpAddress> of(const sockaddr& address);
  [[nodiscard]] bool is_v4() const;
};

// A range of addresses: "10.0.0.0/8", "fd00::/8", or one address.
class Cidr {
 public:
  // Error: kInvalid, with the rule.
  [[nodiscard]] static Result<Cidr> parse(std::string_view text);

  [[nodiscard]] bool covers(const IpAddress& address) const;

 private:
  IpAddress address_;
  unsigned bits_ = 0;  // of the 128
};

struct AddressPolicy {
  std::vector<Cidr> allowed;
  bool allow_private = false;

  // Whether any address is open that is not public; plain http goes with that.
  [[nodiscard]] bool opens_any() const { return allow_private || !allowed.empty(); }
};

// Nothing when the address may be called; otherwise what it is: "a loopback address".
[[nodiscard]] std::optional<std::string_view> forbidden(const IpAddress& address,
                                                        const AddressPolicy& policy);

// Whether a URL may be called as far as its text tells: http or https, a host in its usual form
// (no user, no zone, no numbers that mean an address), no forbidden literal address. The refusal
// is a sentence for its owner.
struct TargetUrl {
  std::string host;  // without brackets
  std::string port;
};
[[nodiscard]] std::expected<TargetUrl, std::string> judge_url(const std::string& url,
                                                              const AddressPolicy& policy);

}  // namespace bitvault::net
