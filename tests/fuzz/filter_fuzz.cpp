// What a reader asks of a feed: the first line is the query, the rest an event that it is matched
// against. Beside it the numbers and pages of lists.

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "api/call.h"
#include "event/filter.h"
#include "event/parse.h"
#include "fuzz.h"
#include "http/uri.h"
#include "producer.h"

namespace bitvault::fuzz {
namespace {

// What filter.h says, on the texts themselves.
bool matches(const api::Call& call, const EventDraft& draft) {
  const std::vector<std::string> types = call.parameters("type");
  const bool type = types.empty() || std::ranges::any_of(types, [&](std::string_view wanted) {
                      return wanted.ends_with('*')
                                 ? draft.type.starts_with(wanted.substr(0, wanted.size() - 1))
                                 : draft.type == wanted;
                    });
  const auto prefix = call.parameter("subject_prefix");
  const auto key = call.parameter("partitionkey");
  const EventDefaults made = defaults(false);
  return type && (!prefix || draft.subject.value_or(made.subject).starts_with(*prefix)) &&
         (!key || draft.partitionkey.value_or(made.partitionkey) == *key);
}

void check_filter(const api::Call& call, const EventDraft& draft) {
  const auto event = encode(draft, defaults(false));
  const auto filter = Filter::make(call.parameters("type"), call.parameter("subject_prefix"),
                                   call.parameter("partitionkey"));
  if (!filter || !event) {
    check(filter || filter.error().code == Code::kInvalid, "a filter is valid or invalid");
    return;
  }
  const std::string bytes = stamped(*event).bytes;
  check(filter->matches(bytes) == matches(call, draft), "a filter matches what it says");
  check(!filter->matches_all() || filter->matches(bytes), "a filter of everything matches");
}

// Each event is found by what it says of itself.
void check_own_filter(const EventDraft& draft, Dice& dice) {
  const auto event = encode(draft, defaults(false));
  if (!event) {
    return;
  }
  const std::string subject = draft.subject.value_or(defaults(false).subject);
  const std::string prefix = draft.type.substr(0, draft.type.find('.', 9) + 1) + "*";
  const auto filter = Filter::make({prefix}, subject.substr(0, dice.below(subject.size() + 1)),
                                   draft.partitionkey.value_or("n_1"));
  check(filter && filter->matches(stamped(*event).bytes), "an event is found by its own words");
}

void check_page(const api::Call& call) {
  if (const auto number = call.number("limit", 7, 1, 1'000)) {
    check(*number >= 1 && *number <= 1'000, "a number is within its bounds");
  }
  const auto page = api::page_request(call);
  if (page && call.parameter("page")) {
    check(api::next_page(true, page->after).as_string() == *call.parameter("page"),
          "a page has one form");
  }
}

void run(std::string_view input) {
  std::string_view rest = input;
  auto query = http::parse_query(take_until(rest, "\n"));
  if (!query) {
    return;
  }
  const http::Request request;
  const api::Call call{request, std::nullopt, std::nullopt, "", "", *std::move(query)};
  check_page(call);
  Dice dice(input);
  if (const auto drafts = parse_event(rest)) {
    check_filter(call, drafts->front());
    check_own_filter(drafts->front(), dice);
  }
}

const Registered kFilter({"filter", run});

}  // namespace
}  // namespace bitvault::fuzz
