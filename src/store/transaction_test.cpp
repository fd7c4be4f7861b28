#include "store/transaction.h"

#include <gtest/gtest.h>

namespace bitvault {
namespace {

constexpr Collection kThings{"thing"};

EncodedEvent event(std::string_view id, std::size_t bytes = 100) {
  return {EventId::parse(id).value(), std::string(bytes, 'x'), {}, {}};
}

Transaction transaction() { return Transaction(TenantName::parse("acme").value()); }

TEST(Transaction, IsValidUpToItsLimits) {
  Transaction full = transaction();
  for (std::size_t i = 0; i < kTransactionEventsMax; ++i) {
    full.append(event("e" + std::to_string(i)));
  }
  full.append(event("largest", kEventBytesMax));
  EXPECT_EQ(validate(full).error().code, Code::kInvalid);
  full.events().erase(full.events().begin());
  full.put(kThings, std::string(kRecordKeyBytesMax, 'k'), std::string(kRecordValueBytesMax, 'v'));
  EXPECT_TRUE(validate(full));
}

TEST(Transaction, HasABoundedNumberOfRecords) {
  Transaction full = transaction();
  for (std::size_t i = 0; i < kTransactionRecordsMax; ++i) {
    full.erase(kThings, "k");
  }
  EXPECT_TRUE(validate(full));
  full.expect(kThings, "k", std::nullopt);
  EXPECT_EQ(validate(full).error().code, Code::kInvalid);
}

TEST(Transaction, HasABoundedNumberOfBytes) {
  Transaction large = transaction();
  const std::string value(kRecordValueBytesMax, 'v');
  for (std::size_t bytes = 0; bytes + value.size() < kTransactionBytesMax; bytes += value.size()) {
    large.put(kThings, "k", value);
  }
  EXPECT_TRUE(validate(large));
  large.put(kThings, "k", value);
  EXPECT_EQ(validate(large).error().code, Code::kTooLarge);
}

TEST(Transaction, NamesTheEventThatIsTooLarge) {
  Transaction large = transaction();
  large.append(event("a"));
  large.append(event("b", kEventBytesMax + 1));
  const auto status = validate(large);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kTooLarge);
  ASSERT_EQ(status.error().violations.size(), 1);
  EXPECT_EQ(status.error().violations[0].index, 1);
}

TEST(Transaction, NamesTheSecondEventOfTheSameId) {
  Transaction repeated = transaction();
  for (const char* id : {"b", "c", "a", "b"}) {
    repeated.append(event(id));
  }
  const auto status = validate(repeated);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kInvalid);
  ASSERT_EQ(status.error().violations.size(), 1);
  EXPECT_EQ(status.error().violations[0].index, 3);
  EXPECT_EQ(status.error().violations[0].path, "id");
}

TEST(Transaction, RefusesKeysAndValuesPastTheirLimits) {
  const auto code = [](std::string key, std::string value) {
    Transaction one = transaction();
    one.put(kThings, std::move(key), std::move(value));
    return validate(one).error().code;
  };
  EXPECT_EQ(code("", "v"), Code::kInvalid);
  EXPECT_EQ(code(std::string(kRecordKeyBytesMax + 1, 'k'), "v"), Code::kInvalid);
  EXPECT_EQ(code("k", std::string(kRecordValueBytesMax + 1, 'v')), Code::kTooLarge);

  Transaction expecting = transaction();
  expecting.expect(kThings, "", std::nullopt);
  EXPECT_EQ(validate(expecting).error().code, Code::kInvalid);
}

TEST(Transaction, ItsHoldersHaveBoundedNames) {
  const auto code = [](std::size_t bytes) {
    Transaction one = transaction();
    one.release({1}, std::string(bytes, 'h'));
    const auto status = validate(one);
    return status ? Code::kInternal : status.error().code;
  };
  EXPECT_EQ(code(0), Code::kInvalid);
  EXPECT_EQ(code(kHolderBytesMax), Code::kInternal);
  EXPECT_EQ(code(kHolderBytesMax + 1), Code::kInvalid);
}

TEST(Transaction, CountsItsBytes) {
  Transaction some = transaction();
  EXPECT_EQ(byte_size(some), 0);
  some.append(event("id", 100));
  some.put(kThings, "key", "value");
  some.erase(kThings, "key");
  some.expect(kThings, "key", "other");
  some.hold({1}, "holder");
  EXPECT_EQ(byte_size(some), 102 + 8 + 3 + 8 + 6);
}

}  // namespace
}  // namespace bitvault
