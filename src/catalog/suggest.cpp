#include "catalog/suggest.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/text.h"

namespace bitvault {
namespace {

constexpr std::size_t kNameBytesMax = 64;  // what is longer was not meant to be a field

// Without underscores, dashes and case, so that parent_id, ParentID and parentId are one.
std::string folded(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c != '_' && c != '-') {
      text += ascii_lower(c);
    }
  }
  return text;
}

// Levenshtein's distance, with two neighbours in the wrong order counting as one difference.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) {
    row[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(before, last);
    std::swap(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view nearest_field(const MessageSchema& message, std::string_view name) {
  if (name.size() > kNameBytesMax) {
    return {};
  }
  const std::string given = folded(name);
  std::string_view nearest;
  std::size_t least = given.size() / 3 + 1;  // one more than a name of this length may differ by
  for (const FieldSchema& field : message.fields) {
    const std::size_t differences = distance(given, folded(field.name));
    if (differences < least) {
      least = differences;
      nearest = field.name;
    }
  }
  return nearest;
}

}  // namespace bitvault
