#include "store/transaction.h"

#include <fmt/format.h>

#include <algorithm>

namespace bitvault {
namespace {

Status check_counts(const Transaction& transaction) {
  if (transaction.events().size() > kTransactionEventsMax) {
    return fail(Code::kInvalid,
                fmt::format("one transaction takes at most {} events", kTransactionEventsMax));
  }
  const std::size_t records =
      transaction.writes().size() + transaction.expectations().size() + transaction.holds().size();
  if (records > kTransactionRecordsMax) {
    return fail(Code::kInvalid,
                fmt::format("one transaction takes at most {} records", kTransactionRecordsMax));
  }
  return {};
}

Status check_record(const std::string& key, const std::optional<std::string>& value) {
  if (key.empty() || key.size() > kRecordKeyBytesMax) {
    return fail(Code::kInvalid,
                fmt::format("a record's key has 1 to {} bytes", kRecordKeyBytesMax));
  }
  if (value && value->size() > kRecordValueBytesMax) {
    return fail(Code::kTooLarge,
                fmt::format("a record's value has at most {} bytes", kRecordValueBytesMax));
  }
  return {};
}

Status check_records(const Transaction& transaction) {
  for (const auto& write : transaction.writes()) {
    if (auto status = check_record(write.key, write.value); !status) {
      return status;
    }
  }
  for (const auto& expectation : transaction.expectations()) {
    if (auto status = check_record(expectation.key, expectation.value); !status) {
      return status;
    }
  }
  return {};
}

Status check_holds(const Transaction& transaction) {
  for (const auto& hold : transaction.holds()) {
    if (hold.holder.empty() || hold.holder.size() > kHolderBytesMax) {
      return fail(Code::kInvalid, fmt::format("a holder has 1 to {} bytes", kHolderBytesMax));
    }
  }
  return {};
}

Status check_sizes(const std::vector<EncodedEvent>& events) {
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i].bytes.size() > kEventBytesMax) {
      const auto message = fmt::format("the encoded event has {} bytes, {} are allowed",
                                       events[i].bytes.size(), kEventBytesMax);
      return fail(Error{Code::kTooLarge, message, {{i, "", message}}});
    }
  }
  return {};
}

Status check_ids(const std::vector<EncodedEvent>& events) {
  std::vector<std::pair<std::string_view, std::size_t>> ids;
  ids.reserve(events.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    ids.emplace_back(events[i].id.str(), i);
  }
  std::ranges::sort(ids);
  const auto repeat = std::ranges::adjacent_find(
      ids, [](const auto& a, const auto& b) { return a.first == b.first; });
  if (repeat != ids.end()) {
    const auto message = fmt::format("the event id {} comes twice", repeat->first);
    return fail(Error{Code::kInvalid, message, {{std::next(repeat)->second, "id", message}}});
  }
  return {};
}

}  // namespace

Status validate(const Transaction& transaction) {
  if (auto status = check_counts(transaction); !status) {
    return status;
  }
  if (auto status = check_records(transaction); !status) {
    return status;
  }
  if (auto status = check_holds(transaction); !status) {
    return status;
  }
  if (auto status = check_sizes(transaction.events()); !status) {
    return status;
  }
  if (byte_size(transaction) > kTransactionBytesMax) {
    return fail(Code::kTooLarge,
                fmt::format("one transaction takes at most {} bytes", kTransactionBytesMax));
  }
  return check_ids(transaction.events());
}

std::size_t byte_size(const Transaction& transaction) {
  const auto size = [](const auto& record) {
    return record.key.size() + (record.value ? record.value->size() : 0);
  };
  std::size_t bytes = 0;
  for (const auto& event : transaction.events()) {
    bytes += event.bytes.size() + event.id.str().size();
  }
  for (const auto& write : transaction.writes()) {
    bytes += size(write);
  }
  for (const auto& expectation : transaction.expectations()) {
    bytes += size(expectation);
  }
  for (const auto& hold : transaction.holds()) {
    bytes += hold.holder.size();
  }
  return bytes;
}

}  // namespace bitvault
