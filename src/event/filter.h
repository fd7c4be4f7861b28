// What a reader wants of a feed: types, a subject prefix, a partition key. All given must hold. And
// what it does not want of that.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "event/block_summary.h"
#include "event/event.h"

namespace bitvault {

inline constexpr std::size_t kFilterTypesMax = 64;

class Filter {
 public:
  Filter() = default;

  // `types`: full types or a prefix that ends in ".*" at a dot ("bitvault.node.*", "bitvault.*").
  // Error: kInvalid.
  [[nodiscard]] static Result<Filter> make(std::vector<std::string> types,
                                           std::optional<std::string> subject_prefix,
                                           std::optional<std::string> partitionkey);

  // The same, but for the events with this partition key whose types begin with `type_prefix`.
  [[nodiscard]] Filter without(std::string_view type_prefix, std::string_view partitionkey) const;

  [[nodiscard]] bool matches_all() const;
  // What it wants of types: one of these, or one that begins like one of those. Both empty: any.
  [[nodiscard]] const std::vector<std::string>& types() const { return types_; }
  [[nodiscard]] const std::vector<std::string>& type_prefixes() const { return type_prefixes_; }
  [[nodiscard]] bool matches(std::string_view event_bytes) const;
  // What summaries of blocks can be asked for it: whatever matches is wanted by the query.
  [[nodiscard]] BlockQuery block_query() const;

 private:
  struct Exclusion {
    std::string type_prefix;
    std::string partitionkey;
  };

  [[nodiscard]] bool type_matches(std::string_view type) const;
  [[nodiscard]] bool excludes(const EventHead& head) const;

  std::vector<std::string> types_;  // exact
  std::vector<std::string> type_prefixes_;
  std::optional<std::string> subject_prefix_;
  std::optional<std::string> partitionkey_;
  std::optional<Exclusion> exclusion_;
};

}  // namespace bitvault
