#include "pattern/shelves.h"

#include <algorithm>
#include <string_view>

#include "pattern/letter_case.h"

namespace bitvault::pattern {
namespace {

constexpr std::uint64_t kHashStart = 0xcbf29ce484222325;
constexpr std::uint64_t kHashFactor = 0x100000001b3;
constexpr std::uint32_t kOtherLength = 0;  // labels of what is no text
constexpr std::uint32_t kTextLength = 1;

std::uint64_t with_byte(std::uint64_t hash, char byte) {
  return (hash ^ static_cast<unsigned char>(byte)) * kHashFactor;
}

std::uint64_t hash_of_prefix(std::string_view text) {
  std::uint64_t hash = kHashStart;
  for (const char c : text) {
    hash = with_byte(hash, c);
  }
  return hash;
}

std::uint64_t hash_of_suffix(std::string_view text) {
  std::uint64_t hash = kHashStart;
  for (std::size_t i = text.size(); i-- > 0;) {
    hash = with_byte(hash, text[i]);
  }
  return hash;
}

std::uint64_t hash_of_text(std::string_view text) { return std::hash<std::string_view>()(text); }

std::uint64_t hash_of_other(const Value& value) {
  return value.kind == Kind::kNumber
             ? std::hash<double>()(static_cast<double>(value.number) + 0.0) | 0xff
             : static_cast<std::uint64_t>(value.kind);
}

class Labeller {
 public:
  explicit Labeller(PathNode node) : node_(node) {}

  std::vector<Label> labels(const Condition& condition) && {
    const Tests& tests = condition.any_of;
    if (condition.exists || !condition.none_of.empty() || !tests.ranges.empty() ||
        !tests.networks.empty()) {
      return any();
    }
    texts(tests.text, false);
    texts(tests.text_in_one_case, true);
    for (const Number number : tests.numbers) {
      other({.kind = Kind::kNumber, .number = number});
    }
    for (const auto& [wanted, kind] :
         {std::pair(tests.true_, Kind::kTrue), std::pair(tests.false_, Kind::kFalse),
          std::pair(tests.null_, Kind::kNull)}) {
      if (wanted) {
        other({.kind = kind});
      }
    }
    for (const Wildcard& wildcard : tests.wildcards) {
      wildcard.pieces.back().size() > wildcard.pieces.front().size()
          ? suffix(wildcard.pieces.back(), false, false)
          : prefix(wildcard.pieces.front(), false, false);
    }
    return std::move(labels_);
  }

 private:
  [[nodiscard]] std::vector<Label> any() const { return {{.node = node_}}; }

  void texts(const TextTests& tests, bool one_case) {
    for (const std::string& text : tests.equal) {
      labels_.push_back(
          {node_, Label::Kind::kEqual, one_case, kTextLength, hash_of_text(text), text, true});
    }
    for (const std::string& text : tests.prefixes) {
      prefix(text, one_case, true);
    }
    for (const std::string& text : tests.suffixes) {
      suffix(text, one_case, true);
    }
  }
  void prefix(std::string_view text, bool one_case, bool meets) {
    labels_.push_back({node_, Label::Kind::kPrefix, one_case,
                       static_cast<std::uint32_t>(text.size()), hash_of_prefix(text), text, meets});
  }
  void suffix(std::string_view text, bool one_case, bool meets) {
    labels_.push_back({node_, Label::Kind::kSuffix, one_case,
                       static_cast<std::uint32_t>(text.size()), hash_of_suffix(text), text, meets});
  }
  void other(const Value& value) {
    labels_.push_back({.node = node_,
                       .kind = Label::Kind::kEqual,
                       .length = kOtherLength,
                       .hash = hash_of_other(value)});
  }

  PathNode node_;
  std::vector<Label> labels_;
};

}  // namespace

std::vector<Label> labels_of(const Condition& condition, PathNode node) {
  return Labeller(node).labels(condition);
}

Shelves::Files& Shelves::files_of(Shelf& shelf, const Label& label) {
  TextFiles& texts = label.one_case ? shelf.text_in_one_case : shelf.text;
  switch (label.kind) {
    case Label::Kind::kPrefix:
      return texts.prefixes.files;
    case Label::Kind::kSuffix:
      return texts.suffixes.files;
    case Label::Kind::kEqual:
    case Label::Kind::kAnyValue:
      break;
  }
  return label.length == kOtherLength ? shelf.others : texts.equal;
}

void Shelves::count_length(AffixFiles& affixes, std::uint32_t length, bool more) {
  auto& lengths = affixes.lengths;
  auto at =
      std::ranges::lower_bound(lengths, length, {}, [](const auto& pair) { return pair.first; });
  if (at == lengths.end() || at->first != length) {
    at = lengths.insert(at, {length, 0});
  }
  at->second += more ? 1 : -1U;
  if (at->second == 0) {
    lengths.erase(at);
  }
}

void Shelves::file(const Label& label, Filed filed) {
  if (by_node_.size() <= label.node) {
    by_node_.resize(label.node + std::size_t{1});
  }
  auto& shelf = by_node_[label.node];
  if (!shelf) {
    shelf = std::make_unique<Shelf>();
  }
  ++shelf->filed;
  if (label.kind == Label::Kind::kAnyValue) {
    shelf->any_value.push_back(filed);
    return;
  }
  File& file = files_of(*shelf, label)[label.hash];
  if (file.filed.empty()) {
    file.text = label.text;
  }
  file.of_one_text = file.of_one_text && file.text == label.text;
  file.filed.push_back(filed);
  TextFiles& texts = label.one_case ? shelf->text_in_one_case : shelf->text;
  if (label.kind != Label::Kind::kEqual) {
    count_length(label.kind == Label::Kind::kPrefix ? texts.prefixes : texts.suffixes, label.length,
                 true);
  }
}

void Shelves::take_out(const Label& label, Slot slot) {
  Shelf& shelf = *by_node_[label.node];
  const auto erase_one = [&](std::vector<Filed>& filed) {
    *std::ranges::find(filed, slot, &Filed::slot) = filed.back();
    filed.pop_back();
  };
  if (label.kind == Label::Kind::kAnyValue) {
    erase_one(shelf.any_value);
  } else {
    Files& files = files_of(shelf, label);
    const auto file = files.find(label.hash);
    erase_one(file->second.filed);
    if (file->second.filed.empty()) {
      files.erase(file);
    }
    TextFiles& texts = label.one_case ? shelf.text_in_one_case : shelf.text;
    if (label.kind != Label::Kind::kEqual) {
      count_length(label.kind == Label::Kind::kPrefix ? texts.prefixes : texts.suffixes,
                   label.length, false);
    }
  }
  if (--shelf.filed == 0) {
    by_node_[label.node].reset();
  }
}

std::size_t Shelves::count(const Label& label) const {
  if (label.node >= by_node_.size() || !by_node_[label.node]) {
    return 0;
  }
  Shelf& shelf = *by_node_[label.node];
  if (label.kind == Label::Kind::kAnyValue) {
    return shelf.any_value.size();
  }
  const Files& files = files_of(shelf, label);
  const auto file = files.find(label.hash);
  return file == files.end() ? 0 : file->second.filed.size();
}

void Shelves::look_up(const TextFiles& files, std::string_view text, const Found& found) {
  const auto find = [&](const Files& among, std::uint64_t hash, auto has) {
    if (const auto at = among.find(hash); at != among.end()) {
      const File& file = at->second;
      found(file.filed, file.of_one_text && has(file.text));
    }
  };
  if (!files.equal.empty()) {
    find(files.equal, hash_of_text(text), [&](const auto& wanted) { return text == wanted; });
  }
  std::uint64_t hash = kHashStart;
  std::size_t at = 0;
  for (const auto& [length, count] : files.prefixes.lengths) {
    if (length > text.size()) {
      break;
    }
    for (; at < length; ++at) {
      hash = with_byte(hash, text[at]);
    }
    find(files.prefixes.files, hash, [&](const auto& wanted) { return text.starts_with(wanted); });
  }
  hash = kHashStart;
  at = 0;
  for (const auto& [length, count] : files.suffixes.lengths) {
    if (length > text.size()) {
      break;
    }
    for (; at < length; ++at) {
      hash = with_byte(hash, text[text.size() - 1 - at]);
    }
    find(files.suffixes.files, hash, [&](const auto& wanted) { return text.ends_with(wanted); });
  }
}

void Shelves::look_up(const Shelf& shelf, const Value& value, const Found& found) {
  if (!shelf.any_value.empty()) {
    found(shelf.any_value, false);
  }
  if (value.kind != Kind::kString) {
    if (const auto file = shelf.others.find(hash_of_other(value)); file != shelf.others.end()) {
      found(file->second.filed, false);
    }
    return;
  }
  look_up(shelf.text, value.text, found);
  if (!shelf.text_in_one_case.empty()) {
    look_up(shelf.text_in_one_case, in_one_case(value.text), found);
  }
}

void Shelves::look_up(const Reading& reading, const Found& found) const {
  for (const PathNode node : reading.touched()) {
    if (node >= by_node_.size() || !by_node_[node]) {
      continue;
    }
    const Shelf& shelf = *by_node_[node];
    for (std::uint32_t index = reading.at(node).first; index != Reading::kNoLeaf;
         index = reading.leaf(index).next) {
      look_up(shelf, reading.leaf(index).value, found);
    }
  }
}

}  // namespace bitvault::pattern
