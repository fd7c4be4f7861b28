// What a reader or a subscription wants: a filter and a pattern, both of which must hold.
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "event/filter.h"
#include "pattern/pattern.h"

namespace bitvault {

class Selection {
 public:
  Selection() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): a filter alone is a selection.
  Selection(Filter filter, std::optional<Pattern> pattern = {})
      : filter_(std::move(filter)), pattern_(std::move(pattern)) {}

  [[nodiscard]] const Filter& filter() const { return filter_; }
  [[nodiscard]] const std::optional<Pattern>& pattern() const { return pattern_; }
  [[nodiscard]] bool matches_all() const { return filter_.matches_all() && !pattern_; }
  // An event that the pattern cannot read is wanted: better one too many than one lost.
  [[nodiscard]] bool matches(Matcher& matcher, std::string_view event_bytes) const;
  // What summaries of blocks can be asked for it: whatever matches is wanted by the query.
  [[nodiscard]] BlockQuery block_query() const;

 private:
  Filter filter_;
  std::optional<Pattern> pattern_;
};

}  // namespace bitvault
