// A SqliteStore in a temporary folder, on threads of its own.
#pragma once

#include <boost/asio/thread_pool.hpp>

#include "store/sqlite/sqlite_store.h"
#include "tests/contract/store_contract.h"
#include "tests/store/temporary_folder.h"

namespace bitvault::test {

class SqliteHarness : public StoreHarness {
 public:
  SqliteHarness() { open(); }
  ~SqliteHarness() override {
    callers_.join();
    store_.reset();
  }

  [[nodiscard]] Store& store() override { return *store_; }
  [[nodiscard]] Executor callers() override { return callers_.get_executor(); }
  void reopen() override {
    store_.reset();
    open();
  }

 private:
  void open() {
    SqliteOptions options;
    options.folder = folder_.path() + "/data";
    options.writer = writer_.get_executor();
    options.readers = readers_.get_executor();
    options.readers_max = 3;
    auto opened = SqliteStore::open(std::move(options), world(), listener());
    ASSERT_TRUE(opened) << opened.error().detail;
    store_ = std::move(*opened);
  }

  TemporaryFolder folder_;
  boost::asio::thread_pool writer_{1};
  boost::asio::thread_pool readers_{3};
  boost::asio::thread_pool callers_{4};
  std::unique_ptr<Store> store_;
};

}  // namespace bitvault::test
