#include "committed.h"

#include <fmt/format.h>

#include <algorithm>

namespace bitvault::sim {
namespace {

void blank(std::string& bytes, std::size_t offset, std::size_t size) {
  if (offset + size <= bytes.size()) {
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), size, '?');
  }
}

// The event without what the commit stamped on it.
std::string unstamped(std::string bytes, const EncodedEvent::Offsets& offsets) {
  blank(bytes, offsets.recordedtime, kTimeTextBytes);
  blank(bytes, offsets.epoch, Epoch::kBytes);
  blank(bytes, offsets.sequence, 20);
  blank(bytes, offsets.salt, kSaltTextBytes);
  return bytes;
}

}  // namespace

std::string_view attribute(std::string_view bytes, std::string_view name) {
  const std::string key = fmt::format("\"{}\":\"", name);
  const auto at = bytes.find(key);
  if (at == std::string_view::npos) {
    return {};
  }
  const auto begin = at + key.size();
  return bytes.substr(begin, bytes.find('"', begin) - begin);
}

bool is_commit_of(std::string_view committed, const EncodedEvent& submitted) {
  return committed.size() == submitted.bytes.size() &&
         unstamped(std::string(committed), submitted.offsets) ==
             unstamped(submitted.bytes, submitted.offsets);
}

bool has_members_of(std::string_view committed, const EncodedEvent& repeat) {
  std::string a = unstamped(std::string(committed), repeat.offsets);
  std::string b = unstamped(repeat.bytes, repeat.offsets);
  if (!repeat.given.time) {
    constexpr std::string_view kTime = "\"time\":\"";
    blank(a, std::min(a.find(kTime), a.size()) + kTime.size(), kTimeTextBytes);
    blank(b, std::min(b.find(kTime), b.size()) + kTime.size(), kTimeTextBytes);
  }
  return a == b;
}

}  // namespace bitvault::sim
