#include "http/uri.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace bitvault::http {
namespace {

// Cuts the text up to the next separator off the front; the separator goes, too.
std::string_view take_until(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

std::optional<std::string> decode(std::string_view text) {
  auto decoded = percent_decode(text);
  if (!decoded || decoded->find('\0') != std::string::npos || !is_valid_utf8(*decoded)) {
    return std::nullopt;
  }
  return decoded;
}

std::unexpected<Error> malformed() {
  return fail(Code::kMalformed, "the request's target is not valid percent-encoded UTF-8");
}

std::string_view trim(std::string_view text) {
  const std::size_t first = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(first);
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

// 0 to 1000 for "0" to "1.000"; 0 for what is no weight.
int parse_weight(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1') ||
      (text.size() > 1 && text[1] != '.')) {
    return 0;
  }
  int value = (text[0] - '0') * 1'000;
  int unit = 100;
  for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (c < '0' || c > '9') {
      return 0;
    }
    value += (c - '0') * unit;
    unit /= 10;
  }
  return std::min(value, 1'000);
}

// How specifically a media range names a type: 0 not at all, 1 by */*, 2 by type/*, 3 by name.
int specificity(std::string_view range, std::string_view type) {
  if (equal_ignoring_ascii_case(range, type)) {
    return 3;
  }
  if (range == "*/*") {
    return 1;
  }
  const bool subtype_open = range.ends_with("/*");
  return subtype_open && equal_ignoring_ascii_case(
                             range.substr(0, range.size() - 1),
                             type.substr(0, std::min(type.find('/') + 1, type.size())))
             ? 2
             : 0;
}

int weight_of(std::string_view accept, std::string_view type) {
  int best = 0;
  int weight = 0;
  while (!accept.empty()) {
    std::string_view entry = take_until(accept, ',');
    const std::string_view range = trim(take_until(entry, ';'));
    int entry_weight = 1'000;
    while (!entry.empty()) {
      const std::string_view parameter = trim(take_until(entry, ';'));
      if (parameter.size() > 2 && ascii_lower(parameter[0]) == 'q' && parameter[1] == '=') {
        entry_weight = parse_weight(parameter.substr(2));
      }
    }
    if (const int found = specificity(range, type); found > best) {
      best = found;
      weight = entry_weight;
    }
  }
  return weight;
}

}  // namespace

Result<std::vector<std::string>> split_path(std::string_view path) {
  if (!path.starts_with('/')) {
    return malformed();
  }
  std::vector<std::string> segments;
  path.remove_prefix(1);
  while (true) {
    const std::size_t end = path.find('/');
    auto segment = decode(path.substr(0, end));
    if (!segment) {
      return malformed();
    }
    segments.push_back(std::move(*segment));
    if (end == std::string_view::npos) {
      return segments;
    }
    path.remove_prefix(end + 1);
  }
}

Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  while (!query.empty()) {
    std::string_view pair = take_until(query, '&');
    if (pair.empty()) {
      continue;
    }
    auto name = decode(take_until(pair, '='));
    auto value = decode(pair);
    if (!name || !value) {
      return malformed();
    }
    parameters.emplace_back(std::move(*name), std::move(*value));
  }
  return parameters;
}

bool is_media_type(std::string_view header, std::string_view type) {
  if (!equal_ignoring_ascii_case(trim(take_until(header, ';')), type)) {
    return false;
  }
  while (!header.empty()) {
    std::string_view parameter = trim(take_until(header, ';'));
    const std::string_view name = trim(take_until(parameter, '='));
    if (equal_ignoring_ascii_case(name, "charset") &&
        !equal_ignoring_ascii_case(parameter, "utf-8") &&
        !equal_ignoring_ascii_case(parameter, "\"utf-8\"")) {
      return false;
    }
  }
  return true;
}

std::string_view negotiate(std::string_view accept, std::span<const std::string_view> offered) {
  if (trim(accept).empty()) {
    return offered.front();
  }
  std::string_view chosen;
  int best = 0;
  for (const std::string_view type : offered) {
    if (const int weight = weight_of(accept, type); weight > best) {
      best = weight;
      chosen = type;
    }
  }
  return chosen;
}

}  // namespace bitvault::http
