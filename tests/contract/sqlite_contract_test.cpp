#include "tests/contract/sqlite_harness.h"
#include "tests/store/faulty_store.h"

namespace bitvault::test {
namespace {

// A FaultyStore that injects nothing around a SqliteStore.
class FaultlessHarness final : public SqliteHarness {
 public:
  [[nodiscard]] Store& store() override {
    if (!faulty_) {
      faulty_ = std::make_unique<FaultyStore>(
          SqliteHarness::store(), world(),
          [](FaultyStore::Call, std::uint64_t) { return FaultyStore::Fault{}; });
    }
    return *faulty_;
  }
  void reopen() override {
    faulty_.reset();
    SqliteHarness::reopen();
  }

 private:
  std::unique_ptr<FaultyStore> faulty_;
};

const StoreKind kSqlite{"Sqlite", [] { return std::make_unique<SqliteHarness>(); }};
const StoreKind kFaultless{"FaultlessSqlite", [] { return std::make_unique<FaultlessHarness>(); }};

INSTANTIATE_TEST_SUITE_P(Store, StoreContract, testing::Values(kSqlite, kFaultless), kind_name);

}  // namespace
}  // namespace bitvault::test
