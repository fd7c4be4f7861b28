// For tests: a log of attempts in memory.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "store/attempt_log.h"

namespace bitvault::webhooks::test {

class TestAttemptLog final : public AttemptLog {
 public:
  void append(AttemptEntry entry) override { entries.push_back(std::move(entry)); }
  [[nodiscard]] Task<Result<AttemptPage>> read(AttemptQuery query) override {
    AttemptPage page;
    const auto skipped = parse_uint(query.after.empty() ? "0" : query.after);
    if (!skipped) {
      co_return fail(Code::kInvalid, "this is not where a page of attempts begins");
    }
    std::size_t seen = 0;
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
      const bool wanted = entry->tenant == query.tenant &&
                          entry->subscription == query.subscription &&
                          query.delivered.value_or(entry->delivered) == entry->delivered &&
                          query.sequence.value_or(entry->sequence) == entry->sequence;
      if (!wanted || seen++ < *skipped) {
        continue;
      }
      if (page.entries.size() == query.limit) {
        page.next = std::to_string(seen - 1);
        break;
      }
      page.entries.push_back(*entry);
    }
    co_return page;
  }
  void forget(const TenantName& tenant, std::optional<std::string> subscription) override {
    forgotten.push_back(tenant.str() + "/" + subscription.value_or("*"));
  }

  std::vector<AttemptEntry> entries;
  std::vector<std::string> forgotten;
};

}  // namespace bitvault::webhooks::test
