#include "fuzz.h"

#include <fmt/format.h>

#include <algorithm>

namespace bitvault::fuzz {
namespace {

constexpr std::size_t kWhole = std::string_view::npos;

std::vector<Target>& known() {
  static std::vector<Target> targets;
  return targets;
}

}  // namespace

std::span<const Target> targets() { return known(); }

Registered::Registered(Target target) { known().push_back(target); }

void for_each_cutting(std::string_view input, const std::function<void(NextPiece next)>& read) {
  Dice dice(input);
  for (const std::size_t piece_bytes_max :
       {kWhole, std::size_t{1}, std::size_t{7}, std::size_t{99}}) {
    std::string_view rest = input;
    read([&] {
      const std::size_t bytes =
          piece_bytes_max == kWhole ? kWhole : 1 + dice.below(piece_bytes_max);
      const std::string_view piece = rest.substr(0, bytes);
      rest.remove_prefix(piece.size());
      return piece;
    });
  }
}

// FNV-1a, then splitmix64.
Dice::Dice(std::string_view input) : state_(0xcbf29ce484222325u) {
  for (const char c : input) {
    state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  }
}

std::uint64_t Dice::next() {
  auto z = (state_ += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string_view take_until(std::string_view& rest, std::string_view separator) {
  const std::size_t at = std::min(rest.find(separator), rest.size());
  const std::string_view part = rest.substr(0, at);
  rest.remove_prefix(std::min(at + separator.size(), rest.size()));
  return part;
}

}  // namespace bitvault::fuzz
