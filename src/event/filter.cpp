#include "event/filter.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace bitvault {
namespace {

// An attribute's text as it stands inside an event's bytes.
std::string escaped(std::string_view text) {
  const std::string quoted = json_string(text);
  return quoted.substr(1, quoted.size() - 2);
}

// "bitvault.", "bitvault.node." or "bitvault.node.created.": what may stand before a "*".
bool is_type_prefix(std::string_view prefix) {
  return prefix.ends_with('.') &&
         (prefix == "bitvault." || is_event_type(fmt::format("{}created.v1", prefix)) ||
          is_event_type(fmt::format("{}v1", prefix)));
}

}  // namespace

Result<Filter> Filter::make(std::vector<std::string> types,
                            std::optional<std::string> subject_prefix,
                            std::optional<std::string> partitionkey) {
  if (types.size() > kFilterTypesMax) {
    return fail(Code::kInvalid, fmt::format("at most {} types may be given", kFilterTypesMax));
  }
  Filter filter;
  for (std::string& type : types) {
    if (is_event_type(type)) {
      filter.types_.push_back(std::move(type));
    } else if (type.ends_with('*') &&
               is_type_prefix(std::string_view(type).substr(0, type.size() - 1))) {
      filter.type_prefixes_.push_back(type.substr(0, type.size() - 1));
    } else {
      return fail(Code::kInvalid,
                  "type is a full event type (bitvault.node.created.v1) or a prefix that ends in "
                  "\".*\" (bitvault.node.*)");
    }
  }
  if (subject_prefix) {
    filter.subject_prefix_ = escaped(*subject_prefix);
  }
  if (partitionkey) {
    filter.partitionkey_ = escaped(*partitionkey);
  }
  return filter;
}

Filter Filter::without(std::string_view type_prefix, std::string_view partitionkey) const {
  const auto begins = [&](const std::string& type) { return type.starts_with(type_prefix); };
  const auto overlaps = [&](const std::string& prefix) {
    return prefix.starts_with(type_prefix) || type_prefix.starts_with(prefix);
  };
  Filter filter = *this;
  const bool any_type = types_.empty() && type_prefixes_.empty();
  if (any_type || std::ranges::any_of(types_, begins) ||
      std::ranges::any_of(type_prefixes_, overlaps)) {
    filter.exclusion_ = Exclusion{std::string(type_prefix), escaped(partitionkey)};
  }
  return filter;
}

bool Filter::matches_all() const {
  return types_.empty() && type_prefixes_.empty() && !subject_prefix_ && !partitionkey_ &&
         !exclusion_;
}

bool Filter::excludes(const EventHead& head) const {
  return exclusion_ && head.partitionkey == exclusion_->partitionkey &&
         head.type.starts_with(exclusion_->type_prefix);
}

bool Filter::type_matches(std::string_view type) const {
  return (types_.empty() && type_prefixes_.empty()) ||
         std::ranges::find(types_, type) != types_.end() ||
         std::ranges::any_of(type_prefixes_,
                             [&](const std::string& prefix) { return type.starts_with(prefix); });
}

BlockQuery Filter::block_query() const {
  BlockQuery query{.types = types_, .type_prefixes = type_prefixes_};
  if (partitionkey_) {
    query.partitionkeys.push_back(*partitionkey_);
  }
  if (subject_prefix_) {
    query.subject_prefixes.push_back(*subject_prefix_);
  }
  return query;
}

bool Filter::matches(std::string_view event_bytes) const {
  if (matches_all()) {
    return true;
  }
  const EventHead head = read_head(event_bytes);
  return type_matches(head.type) &&
         (!subject_prefix_ || head.subject.starts_with(*subject_prefix_)) &&
         (!partitionkey_ || head.partitionkey == *partitionkey_) && !excludes(head);
}

}  // namespace bitvault
