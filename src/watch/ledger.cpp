#include "watch/ledger.h"

#include <algorithm>

#include "base/text.h"
#include "watch/record.h"

namespace bitvault::watch {
namespace {

constexpr Duration kRetryFirst = std::chrono::milliseconds(100);
constexpr Duration kRetryLongest = std::chrono::seconds(10);
constexpr std::size_t kPage = 1'000;

bool may_pass(const Error& error) {
  return error.code == Code::kUnavailable || error.code == Code::kOutcomeUnknown ||
         error.code == Code::kTimeout || error.code == Code::kRateLimited;
}

}  // namespace

Ledger::Ledger(World& world, Store& store, TenantName tenant,
               std::function<void(const Error&)> waiting)
    : world_(world), store_(store), tenant_(std::move(tenant)), waiting_(std::move(waiting)) {}

Task<Status> Ledger::load() {
  table_.reset();
  for (unsigned tries = 0;; ++tries) {
    auto table = co_await read();
    if (table) {
      table_ = std::move(*table);
      co_return Status{};
    }
    if (!may_pass(table.error()) && table.error().code != Code::kConflict) {
      co_return fail(std::move(table.error()));
    }
    const bool go_on = co_await back_off(std::move(table.error()), tries);
    if (!go_on) {
      co_return Status{};
    }
  }
}

// Error: kConflict when somebody wrote meanwhile.
Task<Result<std::unique_ptr<NodeTable>>> Ledger::read() {
  const std::string generation_key(kGenerationKey);
  auto before = co_await store_.get(tenant_, kState, generation_key);
  if (!before) {
    co_return fail(std::move(before.error()));
  }
  TableLoader loader;
  std::string after;
  for (bool more = true; more;) {
    auto page = co_await store_.scan(tenant_, kNodes, "", after, kPage);
    if (!page) {
      co_return fail(std::move(page.error()));
    }
    for (const Record& record : page->items) {
      Status added = loader.add(record);
      if (!added) {
        co_return fail(std::move(added.error()));
      }
    }
    more = page->more && !page->items.empty();
    if (more) {
      after = page->items.back().key;
    }
  }
  auto then = co_await store_.get(tenant_, kState, generation_key);
  if (!then) {
    co_return fail(std::move(then.error()));
  }
  if (*then != *before) {
    co_return fail(Code::kConflict, "the node table changed while it was read");
  }
  generation_ = std::move(*then);
  co_return loader.finish();
}

void Ledger::begin(Node root) { table_ = std::make_unique<NodeTable>(std::move(root)); }

Task<Result<Ledger::Outcome>> Ledger::commit(Transaction transaction) {
  const std::string key(kGenerationKey);
  const auto number = generation_ ? parse_uint(*generation_) : 0;
  if (!number) {
    co_return fail(Code::kInternal, "the generation of the node table is damaged");
  }
  const std::string next = std::to_string(*number + 1);
  transaction.expect(kState, key, generation_);
  transaction.put(kState, key, next);
  for (unsigned tries = 0;; ++tries) {
    Transaction attempt = transaction;
    auto committed = co_await store_.commit(std::move(attempt));
    if (committed) {
      generation_ = next;
      co_return Outcome::kDone;
    }
    if (committed.error().code == Code::kConflict) {
      co_return Outcome::kStale;
    }
    if (!may_pass(committed.error())) {
      co_return fail(std::move(committed.error()));
    }
    const bool go_on = co_await back_off(std::move(committed.error()), tries);
    if (!go_on) {
      co_return Outcome::kCancelled;
    }
  }
}

Task<bool> Ledger::back_off(Error error, unsigned tries) {
  constexpr unsigned kDoublingsMax = 10;
  waiting_(error);
  const Duration delay =
      std::min(kRetryFirst * (1U << std::min(tries, kDoublingsMax)), kRetryLongest);
  co_await world_.sleep(delay);
  const bool cancelled = co_await is_cancelled();
  co_return !cancelled;
}

}  // namespace bitvault::watch
