#include "store/sqlite/attempt_log.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "harness.h"
#include "tests/store/temporary_folder.h"

namespace bitvault {
namespace {

using namespace std::chrono_literals;

const TenantName kAcme = TenantName::parse("acme").value();

class AttemptLogTest : public testing::Test {
 protected:
  static constexpr std::size_t kWaitingMax = 5;

  AttemptLogTest() { open(); }
  void open() {
    log_.emplace(SqliteAttemptLogOptions{.folder = folder_.path(),
                                         .work = sim_.executor(),
                                         .kept = std::chrono::days(2),
                                         .waiting_max = kWaitingMax},
                 sim_.world(), sim_.executor());
  }
  AttemptEntry entry(std::uint64_t sequence) {
    return {.tenant = kAcme,
            .subscription = "whk_1",
            .sequence = {sequence},
            .at = sim_.world().clock().wall(),
            .delivered = true,
            .status = 200};
  }
  void run_for(Duration span) { ASSERT_TRUE(sim_.scheduler().run_for(span)); }
  void stop(TaskGroup& group) {
    group.cancel();
    ASSERT_TRUE(sim_.run(group.join(sim_.world())));
  }
  Task<> read_into(std::vector<std::uint64_t>& sequences, std::optional<Error>& error,
                   std::string after) {
    Result<AttemptPage> page = co_await log_->read(
        {.tenant = kAcme, .subscription = "whk_1", .after = std::move(after), .limit = 100});
    if (!page) {
      error = page.error();
      co_return;
    }
    for (const AttemptEntry& each : page->entries) {
      sequences.push_back(each.sequence.value);
    }
  }
  std::vector<std::uint64_t> sequences(std::string after = "") {
    std::vector<std::uint64_t> found;
    error_.reset();
    EXPECT_TRUE(sim_.run(read_into(found, error_, std::move(after))));
    return found;
  }
  std::size_t files() const {
    std::size_t count = 0;
    for (const auto& each : std::filesystem::directory_iterator(folder_.path())) {
      count += each.path().extension() == ".db" ? 1 : 0;
    }
    return count;
  }

  test::TemporaryFolder folder_;
  sim::Harness sim_{1};
  std::optional<SqliteAttemptLog> log_;
  std::optional<Error> error_;
};

using Sequences = std::vector<std::uint64_t>;

TEST_F(AttemptLogTest, WritesTogetherAfterAWhile) {
  TaskGroup group(sim_.executor());
  group.spawn(log_->run());
  run_for(1s);
  log_->append(entry(1));
  log_->append(entry(2));
  run_for(50ms);
  EXPECT_EQ(log_->waiting(), 2u);
  EXPECT_EQ(files(), 0u);
  run_for(60ms);
  EXPECT_EQ(log_->waiting(), 0u);
  EXPECT_EQ(files(), 1u);
  log_->append(entry(3));
  run_for(110ms);
  EXPECT_EQ(log_->waiting(), 0u);
  stop(group);
  EXPECT_EQ(sequences(), (Sequences{3, 2, 1}));
  EXPECT_EQ(log_->lost(), 0u);
}

TEST_F(AttemptLogTest, AReadSeesWhatWasAppendedBefore) {
  log_->append(entry(1));
  EXPECT_EQ(sequences(), Sequences{1});
  log_->append(entry(2));
  log_->forget(kAcme, "whk_1");
  EXPECT_EQ(sequences(), Sequences{});
  EXPECT_EQ(sequences("nonsense"), Sequences{});
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->code, Code::kInvalid);
}

TEST_F(AttemptLogTest, WhatHasNoRoomIsLostAndCounted) {
  for (std::uint64_t i = 1; i <= kWaitingMax + 3; ++i) {
    log_->append(entry(i));
  }
  EXPECT_EQ(log_->waiting(), kWaitingMax);
  EXPECT_EQ(log_->lost(), 3u);
  EXPECT_EQ(sequences(), (Sequences{5, 4, 3, 2, 1}));
}

TEST_F(AttemptLogTest, WhatTheDiskRefusesIsLostAndCounted) {
  std::filesystem::remove_all(folder_.path());
  log_->append(entry(1));
  log_->append(entry(2));
  EXPECT_EQ(sequences(), Sequences{});
  EXPECT_EQ(log_->lost(), 2u);
  std::filesystem::create_directory(folder_.path());
  log_->append(entry(3));
  EXPECT_EQ(sequences(), Sequences{3}) << "and it goes on";
}

TEST_F(AttemptLogTest, ItsEndWritesWhatWaits) {
  log_->append(entry(1));
  log_.reset();
  open();
  EXPECT_EQ(sequences(), Sequences{1});
}

TEST_F(AttemptLogTest, OldDaysGoByThemselves) {
  TaskGroup group(sim_.executor());
  group.spawn(log_->run());
  for (std::uint64_t day = 1; day <= 5; ++day) {
    log_->append(entry(day));
    run_for(24h);
  }
  run_for(2h);
  stop(group);
  EXPECT_EQ(sequences(), (Sequences{5, 4}));
  EXPECT_EQ(files(), 2u);
}

TEST_F(AttemptLogTest, TakesEntriesFromAnyThread) {
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] {
      for (std::uint64_t n = 1; n <= 100; ++n) {
        log_->append(entry(n));
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(log_->waiting() + log_->lost(), 400u);
  EXPECT_EQ(sequences().size(), kWaitingMax);
}

}  // namespace
}  // namespace bitvault
