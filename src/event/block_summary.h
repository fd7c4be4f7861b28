// What is in a block of consecutive events, in about two kilobytes: enough to tell that a filtered
// reader need not look at them.
//
// Block n holds the sequences n * kBlockEvents + 1 to (n + 1) * kBlockEvents. Its summary is
// derived from the events' bytes, which never change, so it never changes either: the set of their
// types, and a Bloom filter of their partition keys and of the folders above their subjects. It may
// say that something could be there which is not; it never says the contrary. Pure.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/sequence.h"

namespace bitvault {

inline constexpr std::uint64_t kBlockEvents = 1'024;
inline constexpr std::size_t kSummaryTypesMax = 64;   // with more than these, any type is possible
inline constexpr std::size_t kSummaryFoldersMax = 8;  // of one subject, from its beginning
inline constexpr std::size_t kSummaryBloomBytesMax = 8 * 1024;

// The block in which a sequence is.
[[nodiscard]] constexpr std::uint64_t block_of(Sequence sequence) {
  return (sequence.value - 1) / kBlockEvents;
}
[[nodiscard]] constexpr Sequence block_end(std::uint64_t block) {
  return {(block + 1) * kBlockEvents};
}

// What an event must have to be wanted, as far as summaries can tell: of each kind one of those
// that are named, or anything when none is. Texts are as they stand in an event's bytes, escapes
// included.
struct BlockQuery {
  std::vector<std::string> types = {};          // full types; one of these or
  std::vector<std::string> type_prefixes = {};  // a type that begins like one of these
  std::vector<std::string> partitionkeys = {};
  std::vector<std::string> subject_prefixes = {};

  [[nodiscard]] bool wants_anything() const {
    return types.empty() && type_prefixes.empty() && partitionkeys.empty() &&
           subject_prefixes.empty();
  }
};

class BlockSummary {
 public:
  // An event that encode() and stamp() made.
  void add(std::string_view event_bytes);
  [[nodiscard]] std::string encode() const;

 private:
  std::set<std::string, std::less<>> types_;
  std::set<std::uint64_t> hashes_;  // of partition keys and folders
};

// Whether the block could hold what is wanted. Of text that encode() did not make: it could.
[[nodiscard]] bool may_match(std::string_view summary, const BlockQuery& query);

}  // namespace bitvault
