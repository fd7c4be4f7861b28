#include "app/data_folder.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <latch>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/text.h"
#include "store/sqlite/sqlite_store.h"
#include "tests/store/faulty_store.h"
#include "tests/store/single_thread.h"
#include "tests/store/temporary_folder.h"
#include "tests/store/test_world.h"

namespace bitvault::app {
namespace {

using namespace std::string_literals;

namespace fs = std::filesystem;
using test::FaultyStore;

// A data folder whose server starts as often as a test wants.
class Installation {
 public:
  explicit Installation(std::uint64_t seed = 1) : world_(seed) {
    auto opened = SqliteStore::open({.folder = folder_.path() + "/data",
                                     .writer = thread_.executor(),
                                     .readers = thread_.executor()},
                                    world_, [](const TenantName&, const JournalHead&) {});
    EXPECT_TRUE(opened) << opened.error().detail;
    store_ = std::move(*opened);
    keys_.emplace(world_, *store_);
  }

  // The key in hexadecimal, or why there is none.
  std::string master_key(const fs::path& file) { return master_key(file, *store_); }
  std::string master_key(const fs::path& file, Store& store) {
    const auto key = thread_.run(open_master_key(file, world_, store));
    return key ? hex(key->reveal()) : key.error().detail;
  }
  Result<OperatorKeyFile> operator_key(const fs::path& file) {
    return thread_.run(open_operator_key(file, *keys_));
  }
  bool is_operator(const std::string& token) {
    const auto who = thread_.run(keys_->authenticate(token));
    return who && who->is_operator();
  }

  fs::path folder() const { return folder_.path(); }
  Store& store() { return *store_; }
  World& world() { return world_; }

 private:
  test::TemporaryFolder folder_;
  test::SingleThread thread_;
  test::TestWorld world_;
  std::unique_ptr<SqliteStore> store_;
  std::optional<Keys> keys_;
};

class KeyFileTest : public testing::Test {
 protected:
  static std::string read(const fs::path& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
  }
  static void write(const fs::path& file, std::string_view text) {
    std::ofstream(file) << text;
    ::chmod(file.c_str(), 0600);
  }
  static mode_t mode(const fs::path& file) {
    struct stat status = {};
    return ::stat(file.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
  }

  Installation installation_;
  const fs::path master_ = installation_.folder() / "master.key";
  const fs::path operator_ = installation_.folder() / "operator.key";
};

const std::string kOwnKey = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA";  // 1, 2, ... 32

TEST_F(KeyFileTest, TheMasterKeyIsMadeOnceForItsOwnerAlone) {
  const ::mode_t before = ::umask(0);
  const std::string key = installation_.master_key(master_);
  ::umask(before);
  EXPECT_EQ(key.size(), 64u) << key;
  EXPECT_EQ(mode(master_), 0600u);
  EXPECT_EQ(read(master_).size(), 44u);
  EXPECT_EQ(hex(as_bytes(*from_base64url(read(master_).substr(0, 43)))), key);
  EXPECT_FALSE(fs::exists(master_.string() + ".new"));
  EXPECT_EQ(installation_.master_key(master_), key);
  EXPECT_NE(Installation(2).master_key(installation_.folder() / "another.key"), key);
}

TEST_F(KeyFileTest, AMasterKeyThatIsThereIsUsed) {
  write(master_, kOwnKey + " \r\n\n");
  const std::string key = installation_.master_key(master_);
  EXPECT_EQ(key, "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20");
  EXPECT_EQ(read(master_), kOwnKey + " \r\n\n") << "and left as it is";
}

TEST_F(KeyFileTest, WhatIsNoMasterKeyIsRefusedAndLeftAsItIs) {
  const std::string wrong[] = {"",
                               "\n",
                               "x",
                               kOwnKey.substr(0, 42),
                               kOwnKey + "A",
                               kOwnKey + "=",
                               kOwnKey.substr(0, 42) + "B",  // bits that mean nothing
                               kOwnKey.substr(0, 20) + "\n" + kOwnKey.substr(20),
                               " " + kOwnKey,
                               std::string(43, '+'),
                               std::string(32, '\0'),
                               std::string(10'000, 'A')};
  for (const std::string& text : wrong) {
    write(master_, text);
    EXPECT_EQ(installation_.master_key(master_),
              master_.string() + " is not a master key: 32 bytes in base64url")
        << text.substr(0, 60);
    EXPECT_EQ(read(master_), text);
  }
  fs::remove(master_);
  EXPECT_EQ(installation_.master_key(master_).size(), 64u) << "none of them was the store's";
}

TEST_F(KeyFileTest, AMasterKeyThatIsLostOrAnothersIsNotMadeAgain) {
  const std::string key = installation_.master_key(master_);
  const std::string text = read(master_);
  fs::remove(master_);
  EXPECT_NE(installation_.master_key(master_).find("is missing; put it back from its backup"),
            std::string::npos);
  EXPECT_FALSE(fs::exists(master_));
  write(master_, kOwnKey);
  EXPECT_NE(installation_.master_key(master_).find("is not the master key that the store was made"),
            std::string::npos);
  write(master_, text.substr(0, 20));  // torn
  EXPECT_NE(installation_.master_key(master_).find("is not a master key"), std::string::npos);
  write(master_, text);
  EXPECT_EQ(installation_.master_key(master_), key);
}

TEST_F(KeyFileTest, FilesThatOthersMayReadAreRefused) {
  write(master_, kOwnKey);
  write(operator_, "an operator's key of my own");
  for (const mode_t open : {0640u, 0604u, 0660u, 0644u, 0610u, 0601u, 0777u}) {
    ::chmod(master_.c_str(), open);
    ::chmod(operator_.c_str(), open);
    EXPECT_EQ(installation_.master_key(master_),
              master_.string() + " can be read by others; run: chmod 600 " + master_.string());
    const auto refused = installation_.operator_key(operator_);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().detail.find("chmod 600"), std::string::npos);
  }
  ::chmod(master_.c_str(), 0400);
  ::chmod(operator_.c_str(), 0400);
  EXPECT_EQ(installation_.master_key(master_).size(), 64u);
  EXPECT_TRUE(installation_.operator_key(operator_));
}

TEST_F(KeyFileTest, WhatACrashLeftOfAFileIsWrittenAnew) {
  // A draft that others may read, and one that is a link to somebody else's file.
  const fs::path elsewhere = installation_.folder() / "elsewhere";
  write(elsewhere, "precious");
  for (const fs::path& file : {master_, operator_}) {
    write(file.string() + ".new", "bvk_oper");
    ::chmod((file.string() + ".new").c_str(), 0666);
  }
  fs::remove(operator_.string() + ".new");
  fs::create_symlink(elsewhere, operator_.string() + ".new");
  EXPECT_EQ(installation_.master_key(master_).size(), 64u);
  EXPECT_TRUE(installation_.operator_key(operator_)->made);
  for (const fs::path& file : {master_, operator_}) {
    EXPECT_EQ(mode(file), 0600u);
    EXPECT_FALSE(fs::is_symlink(file));
    EXPECT_FALSE(fs::exists(file.string() + ".new"));
  }
  EXPECT_EQ(read(elsewhere), "precious");
}

TEST_F(KeyFileTest, AServerThatDiedBetweenFileAndStoreGoesOnWithTheFile) {
  FaultyStore dying(installation_.store(), installation_.world(),
                    [](FaultyStore::Call call, std::uint64_t) {
                      return FaultyStore::Fault{.kind = call == FaultyStore::Call::kPutSetting
                                                            ? FaultyStore::Fault::Kind::kBefore
                                                            : FaultyStore::Fault::Kind::kNone};
                    });
  EXPECT_NE(installation_.master_key(master_, dying).size(), 64u);
  const std::string text = read(master_);
  EXPECT_EQ(text.size(), 44u);
  EXPECT_EQ(hex(as_bytes(*from_base64url(text.substr(0, 43)))), installation_.master_key(master_));
  EXPECT_EQ(read(master_), text);
}

TEST_F(KeyFileTest, AFolderThatTakesNoFileIsToldOf) {
  for (const fs::path& folder : {installation_.folder() / "missing", fs::path("/proc")}) {
    const std::string why = installation_.master_key(folder / "master.key");
    EXPECT_TRUE(why.starts_with("cannot write " + (folder / "master.key").string())) << why;
  }
  write(installation_.folder() / "file", "");
  const fs::path below = installation_.folder() / "file" / "operator.key";
  EXPECT_EQ(installation_.operator_key(below).error().detail,
            "cannot read " + below.string() + ": Not a directory");
  fs::create_directory(operator_);
  fs::permissions(operator_, fs::perms(0700));
  EXPECT_EQ(installation_.operator_key(operator_).error().detail,
            "cannot read " + operator_.string() + ": Is a directory");
  EXPECT_FALSE(installation_.is_operator(""));
}

TEST_F(KeyFileTest, AFolderThatIsNotOursIsToldOf) {
  const bool root = ::geteuid() == 0;
  const fs::path folder = installation_.folder() / "theirs";
  fs::create_directory(folder);
  fs::permissions(installation_.folder(), fs::perms(0711));
  fs::permissions(folder, fs::perms(0555));
  ASSERT_TRUE(!root || ::seteuid(65'534) == 0);  // nobody: root may write anywhere
  const std::string refused = installation_.master_key(folder / "master.key");
  ASSERT_TRUE(!root || ::seteuid(0) == 0);
  EXPECT_EQ(refused,
            "cannot write " + (folder / "master.key.new").string() + ": Permission denied");
  fs::permissions(folder, fs::perms(0755));
  EXPECT_EQ(installation_.master_key(folder / "master.key").size(), 64u);
}

TEST_F(KeyFileTest, AFileThatCannotBeWrittenWholeDoesNotBecomeTheKey) {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before = {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const std::string loaded = installation_.master_key(installation_.folder() / "loaded.key");
  ASSERT_EQ(loaded.size(), 64u);  // what SQLite makes on its first use is there
  for (const rlim_t bytes : {0u, 1u, 20u}) {
    const rlimit small{bytes, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const auto refused = installation_.operator_key(operator_);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    ASSERT_FALSE(refused) << bytes;
    EXPECT_TRUE(refused.error().detail.starts_with("cannot write ")) << refused.error().detail;
    EXPECT_FALSE(fs::exists(operator_));
  }
  EXPECT_TRUE(installation_.operator_key(operator_)->made);
}

TEST_F(KeyFileTest, ServersThatMakeOneMasterKeyAtTheSameTimeAgree) {
  constexpr std::uint64_t kServers = 8;
  constexpr int kRounds = 5;
  for (int round = 0; round < kRounds; ++round) {
    const fs::path shared = installation_.folder() / ("shared" + std::to_string(round));
    std::vector<std::string> keys(kServers);
    {
      std::latch start(kServers);
      std::vector<std::jthread> servers;
      for (std::uint64_t i = 0; i < kServers; ++i) {
        servers.emplace_back([&, i] {
          Installation own(100 + i);
          start.arrive_and_wait();
          keys[i] = own.master_key(shared);
        });
      }
    }
    const std::string written = read(shared);
    for (const std::string& key : keys) {
      ASSERT_EQ(key, hex(as_bytes(*from_base64url(written.substr(0, 43)))));
    }
  }
}

TEST_F(KeyFileTest, TheOperatorKeyIsMadeOnce) {
  const auto first = installation_.operator_key(operator_).value();
  EXPECT_TRUE(first.made);
  EXPECT_EQ(first.path, operator_);
  EXPECT_EQ(mode(operator_), 0600u);
  const std::string line = read(operator_);
  EXPECT_TRUE(line.starts_with("bvk_operator_"));
  EXPECT_TRUE(line.ends_with("\n"));
  EXPECT_TRUE(installation_.is_operator(line.substr(0, line.size() - 1)));
  EXPECT_FALSE(installation_.operator_key(operator_)->made);
  EXPECT_EQ(read(operator_), line);
}

TEST_F(KeyFileTest, TheOperatorsFileWinsOverTheStore) {
  ASSERT_TRUE(installation_.operator_key(operator_));
  const std::string made = read(operator_).substr(0, 56);
  write(operator_, "my own operator key, 0123456789\n");
  EXPECT_FALSE(installation_.operator_key(operator_)->made);
  EXPECT_TRUE(installation_.is_operator("my own operator key, 0123456789"));
  EXPECT_FALSE(installation_.is_operator(made));
}

TEST_F(KeyFileTest, AnOperatorKeyWhoseFileWasTakenAwayGoesOn) {
  ASSERT_TRUE(installation_.operator_key(operator_));
  const std::string made = read(operator_).substr(0, 56);
  fs::remove(operator_);
  EXPECT_FALSE(installation_.operator_key(operator_)->made);
  EXPECT_FALSE(fs::exists(operator_));
  EXPECT_TRUE(installation_.is_operator(made));
}

TEST_F(KeyFileTest, ATornOperatorKeyIsRefusedAndTheOldOneGoesOn) {
  ASSERT_TRUE(installation_.operator_key(operator_));
  const std::string made = read(operator_).substr(0, 56);
  for (const std::string& text :
       {std::string(), std::string("\n"), made.substr(0, 19), std::string(5'000, 'k'),
        made + "\n" + made, "a key with a letter beyond ASCII: \u00e9"s}) {
    write(operator_, text);
    const auto refused = installation_.operator_key(operator_);
    ASSERT_FALSE(refused) << text.size();
    EXPECT_EQ(refused.error().detail, operator_.string() +
                                          ": an operator key is one line of 20 to 256 printable "
                                          "ASCII characters");
    EXPECT_TRUE(installation_.is_operator(made));
  }
}

}  // namespace
}  // namespace bitvault::app
