// TenantDeliveries: dead letters have a limit of their own, by age and by bytes. Every so often all
// of a tenant's are looked through, a batch with each commit; who has too many bytes loses the
// earliest events the next time.
#include <algorithm>

#include "delivery/tenant_deliveries.h"

namespace bitvault::delivery {
namespace {

constexpr std::size_t kLettersPerCommit = 500;

}  // namespace

void TenantDeliveries::plan_letters() {
  if (letters_due_ == MonotonicTime::max()) {
    const auto every = static_cast<std::uint64_t>(parts_.letters.look_every.count());
    letters_due_ = now().monotonic + Duration(parts_.world.random().below(every));
  }
}

Task<Status> TenantDeliveries::expire_letters(Transaction& transaction) {
  if (now().monotonic < letters_due_) {
    co_return Status();
  }
  Result<ListPage<Record>> page =
      co_await parts_.store.scan(tenant_, kDeadLetters, "", letters_after_, kLettersPerCommit);
  if (!page) {
    co_return fail(std::move(page.error()));
  }
  std::map<std::string, SkipRecord, std::less<>> expired;
  for (const Record& record : page->items) {
    const std::string_view id = subscription_of(record.key);
    const Result<DeadLetter> letter = from_record<DeadLetter>(record.value);
    if (!places_.contains(id) || !letter) {
      continue;
    }
    LetterBytes& bytes = letter_bytes_[std::string(id)];
    const std::uint64_t size = letter->bytes + record.value.size();
    if (bytes.too_many == 0 && letter->at + parts_.letters.age > now().wall) {
      bytes.kept += size;
      continue;
    }
    bytes.too_many -= std::min(bytes.too_many, size);
    transaction.erase(kDeadLetters, record.key);
    transaction.release(letter->sequence, dead_letter_holder(id));
    SkipRecord& skip = expired
                           .try_emplace(std::string(id), SkipRecord{.from = letter->sequence,
                                                                    .to = {},
                                                                    .reason = "dead_letter_expired",
                                                                    .at = now().wall})
                           .first->second;
    skip.to = letter->sequence;
  }
  for (const auto& [id, skip] : expired) {
    transaction.put(kSkips, skip_key(id, skip), to_record(skip));
  }
  if (page->more && !page->items.empty()) {
    letters_after_ = page->items.back().key;
  } else {
    begin_letters_anew();
  }
  co_return Status();
}

void TenantDeliveries::begin_letters_anew() {
  letters_after_.clear();
  letters_due_ = now().monotonic + parts_.letters.look_every;
  for (auto& [id, bytes] : letter_bytes_) {
    const std::uint64_t most = parts_.letters.bytes;
    bytes = {.too_many = bytes.kept > most ? bytes.kept - most : 0};
  }
  std::erase_if(letter_bytes_, [](const auto& entry) { return entry.second.too_many == 0; });
}

}  // namespace bitvault::delivery
