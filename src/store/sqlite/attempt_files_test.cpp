#include "store/sqlite/attempt_files.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/store/temporary_folder.h"

namespace bitvault {
namespace {

using namespace std::chrono_literals;

const TenantName kAcme = TenantName::parse("acme").value();
const TenantName kOther = TenantName::parse("other").value();
const Day kToday = std::chrono::sys_days(std::chrono::year(2026) / 11 / 23);
const WallTime kNow = WallTime(kToday) + 4h;

AttemptEntry entry(std::uint64_t sequence, bool delivered = true, WallTime at = kNow) {
  AttemptEntry made{.tenant = kAcme,
                    .subscription = "whk_1",
                    .sequence = {sequence},
                    .attempt = 1,
                    .at = at,
                    .latency = 1234us,
                    .delivered = delivered,
                    .status = 200,
                    .address = "192.0.2.7"};
  if (!delivered) {
    made.attempt = 3;
    made.status = 503;
    made.reason = "http_503";
    made.next_attempt = at + 5min + 1us;
    made.replay = "rpl_1";
    made.answer = "busy \xc3\xa9";
  }
  return made;
}

class AttemptFilesTest : public testing::Test {
 protected:
  std::size_t write(const std::vector<AttemptEntry>& entries) { return files_.write(entries); }
  AttemptQuery query() const { return {.tenant = kAcme, .subscription = "whk_1"}; }
  // The sequences, newest first, over all pages.
  std::vector<std::uint64_t> sequences(AttemptQuery query, std::size_t limit = 100) {
    query.limit = limit;
    std::vector<std::uint64_t> found;
    do {
      const auto page = files_.read(query);
      EXPECT_TRUE(page);
      EXPECT_LE(page->entries.size(), limit);
      for (const AttemptEntry& each : page->entries) {
        found.push_back(each.sequence.value);
      }
      query.after = page->next;
    } while (!query.after.empty());
    return found;
  }
  std::string file(const std::string& name) const { return folder_.path() + "/" + name; }
  std::uintmax_t bytes() const {
    std::uintmax_t sum = 0;
    for (const auto& each : std::filesystem::directory_iterator(folder_.path())) {
      sum += each.file_size();
    }
    return sum;
  }

  test::TemporaryFolder folder_;
  AttemptFiles files_{folder_.path()};
};

using Sequences = std::vector<std::uint64_t>;

TEST_F(AttemptFilesTest, GivesBackWhatItTook) {
  const AttemptEntry taken[] = {entry(1), entry(2, false)};
  ASSERT_EQ(write({taken[0], taken[1]}), 0u);
  const auto page = files_.read(query());
  ASSERT_EQ(page->entries.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    const AttemptEntry& was = taken[1 - i];
    const AttemptEntry& is = page->entries[i];
    EXPECT_EQ(is.tenant, was.tenant);
    EXPECT_EQ(is.subscription, was.subscription);
    EXPECT_EQ(is.sequence, was.sequence);
    EXPECT_EQ(is.attempt, was.attempt);
    EXPECT_EQ(is.at, was.at);
    EXPECT_EQ(is.latency, was.latency);
    EXPECT_EQ(is.delivered, was.delivered);
    EXPECT_EQ(is.status, was.status);
    EXPECT_EQ(is.reason, was.reason);
    EXPECT_EQ(is.address, was.address);
    EXPECT_EQ(is.next_attempt, was.next_attempt);
    EXPECT_EQ(is.replay, was.replay);
    EXPECT_EQ(is.answer, was.answer);
  }
  EXPECT_EQ(page->next, "");
  const auto mode = std::filesystem::status(file("attempts-2026-11-23.db")).permissions();
  EXPECT_EQ(mode & std::filesystem::perms::all,
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(AttemptFilesTest, PagesOverSeveralDays) {
  std::vector<AttemptEntry> entries;
  Sequences expected;
  for (std::uint64_t i = 1; i <= 12; ++i) {  // three a day
    entries.push_back(entry(i, i % 3 != 0, kNow - 24h * static_cast<int>((12 - i) / 3)));
    expected.insert(expected.begin(), i);
  }
  ASSERT_EQ(write(entries), 0u);
  for (const std::size_t limit : {1u, 2u, 3u, 4u, 5u, 11u, 12u, 13u}) {
    EXPECT_EQ(sequences(query(), limit), expected) << limit;
  }
  AttemptQuery failed = query();
  failed.delivered = false;
  EXPECT_EQ(sequences(failed, 2), (Sequences{12, 9, 6, 3}));
  AttemptQuery one = query();
  one.sequence = Sequence{5};
  EXPECT_EQ(sequences(one), Sequences{5});
  one.delivered = false;
  EXPECT_EQ(sequences(one), Sequences{});
  AttemptQuery delivered = query();
  delivered.delivered = true;
  EXPECT_EQ(sequences(delivered, 3).size(), 8u);
}

TEST_F(AttemptFilesTest, WhatComesMeanwhileMovesNoPage) {
  ASSERT_EQ(write({entry(1), entry(2), entry(3)}), 0u);
  AttemptQuery asked = query();
  asked.limit = 2;
  const auto first = files_.read(asked);
  ASSERT_EQ(write({entry(4), entry(5, true, kNow + 24h)}), 0u);
  asked.after = first->next;
  const auto second = files_.read(asked);
  ASSERT_EQ(second->entries.size(), 1u);
  EXPECT_EQ(second->entries[0].sequence, Sequence{1});
}

TEST_F(AttemptFilesTest, ShowsNobodyElses) {
  AttemptEntry foreign = entry(7);
  foreign.tenant = kOther;
  AttemptEntry other = entry(8);
  other.subscription = "whk_2";
  ASSERT_EQ(write({entry(1), foreign, other}), 0u);
  EXPECT_EQ(sequences(query()), Sequences{1});
  EXPECT_EQ(sequences({.tenant = kOther, .subscription = "whk_1"}), Sequences{7});
  EXPECT_EQ(sequences({.tenant = kOther, .subscription = "whk_2"}), Sequences{});
}

TEST_F(AttemptFilesTest, RefusesAPlaceThatIsNone) {
  for (const char* after : {"x", ":", "2026-11-23", "2026-11-23:", "2026-11-23:-1", "2026-13-23:1",
                            "2026-11-23:1:1", "2026-11-23T:1", "2026-11-23:99999999999999999999"}) {
    AttemptQuery asked = query();
    asked.after = after;
    const auto page = files_.read(asked);
    ASSERT_FALSE(page) << after;
    EXPECT_EQ(page.error().code, Code::kInvalid);
  }
}

TEST_F(AttemptFilesTest, Forgets) {
  AttemptEntry other = entry(2);
  other.subscription = "whk_2";
  AttemptEntry foreign = entry(3);
  foreign.tenant = kOther;
  ASSERT_EQ(write({entry(1), other, foreign, entry(4, true, kNow - 24h)}), 0u);
  files_.forget(kAcme, "whk_1");
  EXPECT_EQ(sequences(query()), Sequences{});
  EXPECT_EQ(sequences({.tenant = kAcme, .subscription = "whk_2"}), Sequences{2});
  ASSERT_EQ(write({entry(5)}), 0u);
  EXPECT_EQ(sequences(query()), Sequences{5}) << "the rows of before do not come back";
  files_.forget(kAcme, std::nullopt);
  EXPECT_EQ(sequences(query()), Sequences{});
  EXPECT_EQ(sequences({.tenant = kAcme, .subscription = "whk_2"}), Sequences{});
  EXPECT_EQ(sequences({.tenant = kOther, .subscription = "whk_1"}), Sequences{3});
}

TEST_F(AttemptFilesTest, OldDaysGoWhole) {
  ASSERT_EQ(write({entry(1, true, kNow - 48h), entry(2, true, kNow - 24h), entry(3)}), 0u);
  std::ofstream(file("attempts-2026-11-2x.db")) << "not ours";
  std::ofstream(file("journal.db")) << "not ours";
  files_.expire(kToday - std::chrono::days(1));
  EXPECT_EQ(sequences(query()), (Sequences{3, 2}));
  EXPECT_FALSE(std::filesystem::exists(file("attempts-2026-11-21.db")));
  EXPECT_FALSE(std::filesystem::exists(file("attempts-2026-11-21.db-wal")));
  EXPECT_TRUE(std::filesystem::exists(file("attempts-2026-11-2x.db")));
  EXPECT_TRUE(std::filesystem::exists(file("journal.db")));
  ASSERT_EQ(write({entry(4)}), 0u);
  EXPECT_EQ(sequences(query()), (Sequences{4, 3, 2}));
}

TEST_F(AttemptFilesTest, ADamagedDayCostsThatDay) {
  ASSERT_EQ(write({entry(1, true, kNow - 48h), entry(2, true, kNow - 24h), entry(3)}), 0u);
  files_.close();
  {
    std::ofstream(file("attempts-2026-11-22.db"), std::ios::trunc) << std::string(9'000, 'x');
    AttemptFiles again(folder_.path());
    const auto page = again.read(query());
    ASSERT_TRUE(page);
    ASSERT_EQ(page->entries.size(), 2u);
    EXPECT_EQ(page->entries[1].sequence, Sequence{1});
    again.forget(kAcme, "whk_2");
    EXPECT_EQ(again.write({entry(9, true, kNow - 24h)}), 0u) << "it is put aside";
    EXPECT_EQ(again.read(query())->entries.size(), 3u);
    EXPECT_TRUE(std::filesystem::exists(file("attempts-2026-11-22.db.damaged")));
  }
}

TEST_F(AttemptFilesTest, WithoutAFolderEntriesAreLostAndNothingElse) {
  AttemptFiles nowhere(folder_.path() + "/none");
  EXPECT_EQ(nowhere.write({entry(1), entry(2)}), 2u);
  EXPECT_TRUE(nowhere.read(query())->entries.empty());
  nowhere.forget(kAcme, std::nullopt);
  nowhere.expire(kToday);
}

TEST_F(AttemptFilesTest, AKilledProcessLosesNothingThatWasWritten) {
  const pid_t child = ::fork();
  if (child == 0) {
    AttemptFiles files(folder_.path());
    const bool written = files.write({entry(1), entry(2)}) == 0 && files.write({entry(3)}) == 0;
    ::kill(::getpid(), written ? SIGKILL : SIGTERM);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  EXPECT_EQ(sequences(query()), (Sequences{3, 2, 1}));
  ASSERT_EQ(write({entry(4)}), 0u);
  EXPECT_EQ(sequences(query()), (Sequences{4, 3, 2, 1})) << "their numbers go on";
}

TEST_F(AttemptFilesTest, AnAttemptTakesAHundredBytes) {
  constexpr std::uint64_t kEntries = 20'000;
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t done = 0; done < kEntries; done += 500) {
    std::vector<AttemptEntry> batch;
    for (std::uint64_t i = 0; i < 500; ++i) {
      AttemptEntry made = entry(1'000'000 + (done + i) / 10, true, kNow + 4ms * (done + i));
      made.subscription = "whk_" + std::to_string((done + i) % 10);
      made.latency = Duration(3'000 + i * 17);
      batch.push_back(std::move(made));
    }
    ASSERT_EQ(write(batch), 0u);
  }
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
  files_.close();  // what is in the WAL goes into the file
  const double each = static_cast<double>(bytes()) / kEntries;
  std::printf("[          ] an attempt: %.0f bytes, %.1f us\n", each, took.count() / kEntries);
  EXPECT_LT(each, 110);
}

}  // namespace
}  // namespace bitvault
