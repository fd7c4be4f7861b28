#include "net/address_guard.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <span>

#include "base/text.h"

namespace bitvault::net {
namespace {

// What opens a range that is not public.
enum class Opens : std::uint8_t { kOnlyByName, kAsPrivate };

struct Range {
  std::string_view cidr;
  std::string_view what;
  Opens opens = Opens::kOnlyByName;
};

// The first that covers an address counts.
constexpr Range kRanges[] = {
    {"0.0.0.0/8", "an address of this network"},
    {"10.0.0.0/8", "a private address", Opens::kAsPrivate},
    {"100.64.0.0/10", "an address of a provider's shared network"},
    {"127.0.0.0/8", "a loopback address", Opens::kAsPrivate},
    {"169.254.0.0/16", "a link-local address"},
    {"172.16.0.0/12", "a private address", Opens::kAsPrivate},
    {"192.0.0.0/24", "an address for protocol assignments"},
    {"192.0.2.0/24", "an address for documentation"},
    {"192.88.99.0/24", "an address of a relay"},
    {"192.168.0.0/16", "a private address", Opens::kAsPrivate},
    {"198.18.0.0/15", "an address for benchmarks"},
    {"198.51.100.0/24", "an address for documentation"},
    {"203.0.113.0/24", "an address for documentation"},
    {"224.0.0.0/4", "a multicast address"},
    {"240.0.0.0/4", "a reserved address"},
    {"::1/128", "a loopback address", Opens::kAsPrivate},
    {"64:ff9b:1::/48", "an address of a local translator"},
    {"fd00:ec2::254/128", "an address of cloud metadata"},
    {"fc00::/7", "a private address", Opens::kAsPrivate},
    {"fe80::/10", "a link-local address"},
    {"ff00::/8", "a multicast address"},
    {"2001::/23", "an address for protocol assignments"},
    {"2001:db8::/32", "an address for documentation"},
    {"3fff::/20", "an address for documentation"},
};

struct JudgedRange {
  Cidr cidr;
  std::string_view what;
  Opens opens;
};

const std::vector<JudgedRange>& ranges() {
  static const std::vector<JudgedRange> kParsed = [] {
    std::vector<JudgedRange> parsed;
    for (const Range& range : kRanges) {
      parsed.push_back({Cidr::parse(range.cidr).value(), range.what, range.opens});
    }
    return parsed;
  }();
  return kParsed;
}

bool starts_with(const IpAddress& address, std::initializer_list<std::uint8_t> prefix) {
  return std::equal(prefix.begin(), prefix.end(), address.bytes.begin());
}

IpAddress mapped(std::span<const std::uint8_t> v4) {
  IpAddress address;
  address.bytes[10] = address.bytes[11] = 0xff;
  std::ranges::copy(v4, address.bytes.begin() + 12);
  return address;
}

// The IPv4 address that an IPv6 one is a way to: 64:ff9b::/96 (RFC 6052), 2002::/16 (RFC 3056).
std::optional<IpAddress> carried(const IpAddress& address) {
  const std::span<const std::uint8_t> bytes(address.bytes);
  if (starts_with(address, {0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) {
    return mapped(bytes.subspan(12, 4));
  }
  if (starts_with(address, {0x20, 0x02})) {
    return mapped(bytes.subspan(2, 4));
  }
  return std::nullopt;
}

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

std::optional<std::string> part(CURLU* url, CURLUPart what) {
  char* text = nullptr;
  if (curl_url_get(url, what, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) {
    return std::nullopt;
  }
  std::string copy(text);
  curl_free(text);
  return copy;
}

// host or host:port as it stands in the URL.
std::string_view authority_of(std::string_view url) {
  const std::size_t begin = std::min(url.find("://"), url.size() - 3) + 3;
  const std::string_view rest = url.substr(begin);
  return rest.substr(0, rest.find_first_of("/?#"));
}

bool is_host_name(std::string_view host) {
  const std::size_t dot = host.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? host : host.substr(dot + 1);
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '-' ||
           c == '.' || c == '_';
  };
  return !last.empty() && !host.starts_with('.') && !host.contains("..") &&
         std::ranges::all_of(host, allowed) &&
         !std::ranges::all_of(last, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string copy(text);
  in_addr v4{};
  if (::inet_pton(AF_INET, copy.c_str(), &v4) == 1) {
    return mapped({reinterpret_cast<const std::uint8_t*>(&v4), 4});
  }
  IpAddress address;
  if (::inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1) {
    return address;
  }
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::of(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return mapped({reinterpret_cast<const std::uint8_t*>(&v4.sin_addr), 4});
  }
  if (address.sa_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    IpAddress copy;
    std::copy_n(reinterpret_cast<const std::uint8_t*>(&v6.sin6_addr), 16, copy.bytes.begin());
    return copy;
  }
  return std::nullopt;
}

bool IpAddress::is_v4() const {
  return starts_with(*this, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff});
}

Result<Cidr> Cidr::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  const unsigned most = address && address->is_v4() ? 32 : 128;
  const auto bits = slash == std::string_view::npos ? std::optional<std::uint64_t>(most)
                                                    : parse_uint(text.substr(slash + 1));
  if (!address || !bits || *bits > most) {
    return fail(Code::kInvalid,
                fmt::format("\"{}\" is no range of addresses; write one as 10.1.0.0/16, "
                            "fd12:3456::/32 or 10.1.2.3",
                            text));
  }
  Cidr cidr;
  cidr.address_ = *address;
  cidr.bits_ = static_cast<unsigned>(*bits) + (128 - most);
  return cidr;
}

bool Cidr::covers(const IpAddress& address) const {
  const std::size_t whole = bits_ / 8;
  const unsigned rest = bits_ % 8;
  if (!std::equal(address_.bytes.begin(),
                  address_.bytes.begin() + static_cast<std::ptrdiff_t>(whole),
                  address.bytes.begin())) {
    return false;
  }
  const unsigned mask = rest == 0 ? 0 : 0xffu << (8 - rest) & 0xffu;
  return rest == 0 || (address_.bytes[whole] & mask) == (address.bytes[whole] & mask);
}

std::optional<std::string_view> forbidden(const IpAddress& address, const AddressPolicy& policy) {
  const auto covers = [&](const Cidr& cidr) { return cidr.covers(address); };
  if (std::ranges::any_of(policy.allowed, covers)) {
    return std::nullopt;
  }
  for (const JudgedRange& range : ranges()) {
    if (range.cidr.covers(address)) {
      const bool open = policy.allow_private && range.opens == Opens::kAsPrivate;
      return open ? std::nullopt : std::optional(range.what);
    }
  }
  if (address.is_v4()) {
    return std::nullopt;
  }
  if (const auto inner = carried(address)) {
    return forbidden(*inner, policy);
  }
  // Of IPv6, 2000::/3 alone is global unicast (RFC 4291).
  return (address.bytes[0] & 0xe0u) == 0x20
             ? std::nullopt
             : std::optional<std::string_view>("an address that is not public");
}

std::expected<TargetUrl, std::string> judge_url(const std::string& url,
                                                const AddressPolicy& policy) {
  const auto refuse = [](std::string why) { return std::unexpected(std::move(why)); };
  if (url.empty() || url.size() > kTargetUrlBytesMax) {
    return refuse(fmt::format("must have 1 to {} bytes", kTargetUrlBytesMax));
  }
  if (!std::ranges::all_of(url, [](char c) { return c > ' ' && c < 0x7f && c != '\\'; })) {
    return refuse(
        "must be printable ASCII without blanks and backslashes; write other characters "
        "as %XX, and an international host name in its xn-- form");
  }
  const std::unique_ptr<CURLU, FreeUrl> parsed(curl_url());
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME) !=
      CURLUE_OK) {
    return refuse("is not a URL such as https://example.com/hooks");
  }
  const auto scheme = part(parsed.get(), CURLUPART_SCHEME);
  if (scheme != "https" && scheme != "http") {
    return refuse("must begin with https://");
  }
  if (scheme == "http" && !policy.opens_any()) {
    return refuse(
        "must begin with https:// (plain http is open only where the operator allows "
        "private targets)");
  }
  if (part(parsed.get(), CURLUPART_USER) || part(parsed.get(), CURLUPART_PASSWORD)) {
    return refuse("must hold no user and password; give them as basic auth");
  }
  if (part(parsed.get(), CURLUPART_FRAGMENT)) {
    return refuse("must have no fragment");
  }
  const std::string host = part(parsed.get(), CURLUPART_HOST).value_or("");
  const std::string port = part(parsed.get(), CURLUPART_PORT).value_or("");
  // What curl understands must be what stands there, letter by letter.
  const std::string_view authority = authority_of(url);
  const bool same = equal_ignoring_ascii_case(authority, host) ||
                    equal_ignoring_ascii_case(authority, fmt::format("{}:{}", host, port));
  if (host.empty() || !same) {
    return refuse(
        "must have its host in the usual form: a name, or an address such as 203.0.113.7 "
        "or [2001:db8::7], and no sign or zero before the port");
  }
  if (parse_uint(port).value_or(0) == 0) {
    return refuse("must have a port from 1 to 65535");
  }
  const bool bracketed = host.starts_with('[');
  const std::string bare = bracketed ? host.substr(1, host.size() - 2) : host;
  const auto address = IpAddress::parse(bare);
  if (address && (address->is_v4() && bracketed)) {
    return refuse("must have its IPv4 address as 203.0.113.7");
  }
  if (address) {
    if (const auto what = forbidden(*address, policy)) {
      return refuse(fmt::format("is refused: its host is {}", *what));
    }
  } else if (bracketed || !is_host_name(bare) || bare.ends_with('.')) {
    return refuse(
        "must have a host name of letters, digits, hyphens and dots, which does not end "
        "in a dot or a number");
  }
  return TargetUrl{bare, port};
}

}  // namespace bitvault::net
