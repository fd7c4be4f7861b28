#include "event/block_summary.h"

#include <algorithm>
#include <optional>

#include "event/event.h"

namespace bitvault {
namespace {

// The text of a summary: this version, how many types (kAnyType: too many to tell), each with its
// length before it, and then the bits of the filter.
constexpr char kVersion = 1;
constexpr unsigned char kAnyType = 0xff;
constexpr std::size_t kBitsPerEntry = 10;  // with 7 probes: 1 in 100 is taken for one that is there
constexpr unsigned kProbes = 7;
constexpr std::size_t kBloomBytesMin = 16;

enum class Kind : unsigned char { kPartitionKey = 'k', kFolder = 'f' };

// The last steps of splitmix64: every bit of the number comes to bear on every bit of the result.
std::uint64_t spread(std::uint64_t h) {
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
  h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
  return h ^ (h >> 31);
}

// FNV-1a, spread. Summaries are stored: it stays as it is, and so do the probes.
std::uint64_t hash(Kind kind, std::string_view text) {
  std::uint64_t h = 0xcbf29ce484222325u;
  const auto mix = [&h](unsigned char byte) { h = (h ^ byte) * 0x100000001b3u; };
  mix(static_cast<unsigned char>(kind));
  for (const char c : text) {
    mix(static_cast<unsigned char>(c));
  }
  return spread(h);
}

// The bits of an entry among `bits`.
template <class Use>
void probe(std::uint64_t entry, std::size_t bits, Use use) {
  for (unsigned i = 0; i < kProbes; ++i) {
    entry = spread(entry + 0x9e3779b97f4a7c15u);
    use(entry % bits);
  }
}

bool has(std::string_view bloom, std::uint64_t entry) {
  bool all = true;
  probe(entry, bloom.size() * 8, [&](std::size_t bit) {
    all = all && ((static_cast<unsigned char>(bloom[bit / 8]) >> (bit % 8)) & 1u) != 0;
  });
  return all;
}

// The parts of a text up to each of its first slashes: "/a/b" is in "/" and "/a/".
template <class Use>
void each_folder(std::string_view text, Use use) {
  std::size_t slash = text.find('/');
  for (std::size_t i = 0; i < kSummaryFoldersMax && slash != std::string_view::npos; ++i) {
    use(text.substr(0, slash + 1));
    slash = text.find('/', slash + 1);
  }
}

struct Decoded {
  bool any_type = false;
  std::vector<std::string_view> types;
  std::string_view bloom;
};

std::optional<Decoded> decode(std::string_view text) {
  if (text.size() < 2 || text[0] != kVersion) {
    return std::nullopt;
  }
  Decoded decoded;
  const auto count = static_cast<unsigned char>(text[1]);
  decoded.any_type = count == kAnyType;
  text.remove_prefix(2);
  for (unsigned i = 0; !decoded.any_type && i < count; ++i) {
    const std::size_t size = text.empty() ? 0 : static_cast<unsigned char>(text[0]);
    if (size == 0 || text.size() < 1 + size) {
      return std::nullopt;
    }
    decoded.types.push_back(text.substr(1, size));
    text.remove_prefix(1 + size);
  }
  if (text.empty()) {
    return std::nullopt;
  }
  decoded.bloom = text;
  return decoded;
}

bool has_type(const Decoded& summary, const BlockQuery& query) {
  if (summary.any_type || (query.types.empty() && query.type_prefixes.empty())) {
    return true;
  }
  return std::ranges::any_of(summary.types, [&](std::string_view type) {
    return std::ranges::find(query.types, type) != query.types.end() ||
           std::ranges::any_of(query.type_prefixes,
                               [&](const std::string& prefix) { return type.starts_with(prefix); });
  });
}

bool has_key(const Decoded& summary, const BlockQuery& query) {
  return query.partitionkeys.empty() ||
         std::ranges::any_of(query.partitionkeys, [&](const std::string& key) {
           return has(summary.bloom, hash(Kind::kPartitionKey, key));
         });
}

// What begins with a prefix is in each folder that the prefix names.
bool has_subject(const Decoded& summary, const BlockQuery& query) {
  return query.subject_prefixes.empty() ||
         std::ranges::any_of(query.subject_prefixes, [&](const std::string& prefix) {
           bool all = true;
           each_folder(prefix, [&](std::string_view folder) {
             all = all && has(summary.bloom, hash(Kind::kFolder, folder));
           });
           return all;
         });
}

}  // namespace

void BlockSummary::add(std::string_view event_bytes) {
  const EventHead head = read_head(event_bytes);
  if (types_.size() <= kSummaryTypesMax && !types_.contains(head.type)) {
    types_.emplace(head.type);
  }
  hashes_.insert(hash(Kind::kPartitionKey, head.partitionkey));
  each_folder(head.subject,
              [&](std::string_view folder) { hashes_.insert(hash(Kind::kFolder, folder)); });
}

std::string BlockSummary::encode() const {
  const bool fits =
      types_.size() <= kSummaryTypesMax && std::ranges::all_of(types_, [](const std::string& type) {
        return !type.empty() && type.size() <= 0xff;
      });
  std::string text{kVersion, static_cast<char>(fits ? types_.size() : kAnyType)};
  if (fits) {
    for (const std::string& type : types_) {
      text.push_back(static_cast<char>(type.size()));
      text += type;
    }
  }
  const std::size_t wanted = (hashes_.size() * kBitsPerEntry + 7) / 8;
  std::string bloom(std::clamp(wanted, kBloomBytesMin, kSummaryBloomBytesMax), '\0');
  for (const std::uint64_t entry : hashes_) {
    probe(entry, bloom.size() * 8, [&](std::size_t bit) {
      bloom[bit / 8] =
          static_cast<char>(static_cast<unsigned char>(bloom[bit / 8]) | (1u << (bit % 8)));
    });
  }
  return text + bloom;
}

bool may_match(std::string_view summary, const BlockQuery& query) {
  const auto decoded = decode(summary);
  return !decoded ||
         (has_type(*decoded, query) && has_key(*decoded, query) && has_subject(*decoded, query));
}

}  // namespace bitvault
