#include "catalog/report.h"

#include <fmt/format.h>

#include <utility>

namespace bitvault {
namespace {

constexpr std::size_t kExcerptBytesMax = 64;

}  // namespace

std::string excerpt(std::string_view text) {
  if (text.size() <= kExcerptBytesMax) {
    return std::string(text);
  }
  std::size_t end = kExcerptBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
    --end;
  }
  return std::string(text.substr(0, end)) + "...";
}

void Report::add(std::string message) {
  if (full()) {
    return;
  }
  std::string path(root_);
  for (const auto& step : path_) {
    path += '.';
    if (const auto* name = std::get_if<std::string_view>(&step)) {
      path += excerpt(*name);
    } else {
      path += fmt::to_string(std::get<std::size_t>(step));
    }
  }
  violations_.push_back({.index = 0, .path = std::move(path), .message = std::move(message)});
}

void Report::add_at(std::string_view name, std::string message) {
  enter(name);
  add(std::move(message));
  leave();
}

}  // namespace bitvault
