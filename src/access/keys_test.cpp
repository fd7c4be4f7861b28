#include "access/keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/text.h"
#include "store/sqlite/sqlite_store.h"
#include "tests/store/faulty_store.h"
#include "tests/store/make_event.h"
#include "tests/store/single_thread.h"
#include "tests/store/temporary_folder.h"
#include "tests/store/test_world.h"

namespace bitvault {
namespace {

using test::FaultyStore;
using test::tenant_name;
using namespace std::chrono_literals;
using namespace std::string_literals;

constexpr Collection kRecords("key");

class KeysTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = SqliteStore::open({.folder = folder_.path() + "/data",
                                     .writer = disk_.executor(),
                                     .readers = disk_.executor()},
                                    world_, [](const TenantName&, const JournalHead&) {});
    ASSERT_TRUE(opened) << opened.error().detail;
    store_ = std::move(*opened);
    keys_.emplace(world_, *store_);
    make_tenant(acme_);
    make_tenant(other_);
  }

  // The store's jobs have a queue of their own, so that a test may stop between an answer of the
  // store and what its caller makes of it.
  template <class T>
  T run(Task<T> task) {
    std::optional<T> result;
    callers_.start(std::move(task), result);
    while (!result) {
      callers_.run_ready();
      disk_.run_ready();
    }
    return std::move(*result);
  }

  void make_tenant(const TenantName& name) { ASSERT_TRUE(run(store_->put_tenant(name, {}))); }
  void delete_tenant(const TenantName& name) { ASSERT_TRUE(run(store_->delete_tenant(name))); }
  void purge() {
    while (run(store_->purge_deleted()).value()) {
    }
  }

  static KeyDescription describe(std::initializer_list<Scope> scopes) {
    KeyDescription description{.name = "k", .scopes = {}, .expires = {}, .user = {}};
    for (const Scope scope : scopes) {
      description.scopes.add(scope);
    }
    return description;
  }
  NewKey make(const TenantName& tenant, KeyDescription description = describe({})) {
    return run(keys_->create(tenant, std::move(description))).value();
  }
  // Tokens of keys of `other_`, made in few commits.
  std::vector<std::string> make_many(std::size_t count) {
    std::vector<std::optional<Result<NewKey>>> made(count);
    for (auto& key : made) {
      callers_.start(keys_->create(other_, describe({})), key);
    }
    make(other_);
    std::vector<std::string> tokens;
    for (const auto& key : made) {
      tokens.push_back(key->value().token);
    }
    return tokens;
  }
  Result<Principal> ask(const std::string& token) { return run(keys_->authenticate(token)); }

  // "" when the token is a key, otherwise the name of the error.
  std::string_view refusal(const std::string& token) {
    const Result<Principal> who = ask(token);
    return who ? "" : info(who.error().code).name;
  }
  void write_record(const std::string& id, const std::string& value) {
    Transaction transaction(acme_);
    transaction.put(kRecords, id, value);
    ASSERT_TRUE(run(store_->commit(std::move(transaction))));
  }

  const TenantName acme_ = tenant_name("acme");
  const TenantName other_ = tenant_name("other");
  test::TemporaryFolder folder_;
  test::SingleThread callers_;
  test::SingleThread disk_;
  test::TestWorld world_;
  std::unique_ptr<SqliteStore> store_;
  std::optional<Keys> keys_;
};

TEST_F(KeysTest, AKeyNamesItsTenantItsIdAndASecret) {
  std::set<std::string> secrets;
  for (int i = 0; i < 200; ++i) {
    const NewKey made = make(acme_);
    const std::string begin = "bvk_acme_" + made.key.id.substr(4) + "_";
    ASSERT_TRUE(made.token.starts_with(begin)) << made.token;
    const std::string secret = made.token.substr(begin.size());
    EXPECT_EQ(secret.size(), 43u);  // 256 bits
    EXPECT_TRUE(secrets.insert(secret).second);
    EXPECT_TRUE(made.key.id.starts_with("key_"));
    EXPECT_EQ(made.key.id.size(), 16u);
    // Neither the parts nor what carries them (a header, a URL, a shell) needs an escape.
    EXPECT_EQ(std::ranges::count(made.token, '_'), 3);
    EXPECT_TRUE(std::ranges::all_of(made.token, [](unsigned char c) {
      return std::isalnum(c) != 0 || c == '_';
    })) << made.token;
  }
}

TEST_F(KeysTest, AuthenticatesWhatItMade) {
  KeyDescription description = describe({Scope::kEventsRead, Scope::kInboxRead});
  description.user = "u_1";
  const NewKey made = make(acme_, description);
  for (int i = 0; i < 2; ++i) {  // from the store, then from memory
    const Result<Principal> who = ask(made.token);
    ASSERT_TRUE(who);
    EXPECT_FALSE(who->is_operator());
    EXPECT_EQ(who->tenant, acme_);
    EXPECT_EQ(who->key_id, made.key.id);
    EXPECT_EQ(who->scopes, description.scopes);
    EXPECT_EQ(who->user, "u_1");
  }
}

TEST_F(KeysTest, StoresTheHashAndNothingOfTheSecret) {
  const NewKey made = make(acme_);
  const auto record = run(store_->get(acme_, kRecords, made.key.id)).value().value();
  EXPECT_NE(record.find(hex(sha256(made.token))), std::string::npos);
  const std::string secret = made.token.substr(made.token.rfind('_') + 1);
  EXPECT_EQ(record.find(secret), std::string::npos);
  EXPECT_EQ(record.find(secret.substr(0, 12)), std::string::npos);
}

TEST_F(KeysTest, RefusesEveryTextThatIsNoKey) {
  const std::string token = make(acme_).token;
  const std::string foreign = make(other_).token;
  const std::size_t secret = token.rfind('_') + 1;
  const std::string hostile[] = {
      "",
      " ",
      "_",
      "bvk_",
      "bvk__",
      "bvk___",
      "bvk_acme",
      "bvk_acme_",
      "bvk_acme__",
      "bvk_acme_x_",
      "bvk_nobody_x_y",
      "bvk_ACME_x_y",
      "bvk_-_x_y",
      "bvk_../../etc_x_y",
      "bvk_operator_",
      "bvk_operator_" + std::string(43, 'a'),
      "Bearer " + token,
      token + " ",
      " " + token,
      token + "\n",
      token + "\0"s,
      token + "x",
      token.substr(0, token.size() - 1),
      token.substr(0, secret),
      token.substr(4),
      "BVK" + token.substr(3),
      "bvk_acme' OR 1=1 --_x_y",
      "bvk_acme_' OR '1'='1_y",
      "bvk_acme_\0_y"s,
      "bvk_acme_\xff\xfe_y",
      // the id of one key with the secret of another, and a key said to be another tenant's
      token.substr(0, secret) + foreign.substr(foreign.rfind('_') + 1),
      "bvk_other" + token.substr(8),
      hex(sha256(token)),
      std::string(256, 'a'),
      std::string(257, 'a'),
      std::string(1'000'000, '_'),
  };
  for (const std::string& text : hostile) {
    EXPECT_EQ(refusal(text), "unauthenticated") << text.substr(0, 100);
  }
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(refusal(changed), "unauthenticated") << i;
  }
  EXPECT_EQ(refusal(token), "");
}

TEST_F(KeysTest, ARefusalSaysTheSameWhateverIsWrong) {
  const std::string token = make(acme_).token;
  std::set<std::string> details;
  for (const std::string& text : {""s, "x"s, "bvk_nobody_x_y"s, token + "x", token.substr(0, 20)}) {
    details.insert(ask(text).error().detail);
  }
  EXPECT_EQ(details.size(), 1u);
  EXPECT_EQ(details.begin()->find(token), std::string::npos);
}

TEST_F(KeysTest, AnExpiredKeyEndsOnTimeAlsoFromMemory) {
  KeyDescription description = describe({Scope::kEventsRead});
  description.expires = world_.clock().wall() + 3s;
  const std::string token = make(acme_, description).token;
  EXPECT_EQ(refusal(token), "");
  world_.manual_clock().advance(3s - 1us);
  EXPECT_EQ(refusal(token), "");
  world_.manual_clock().advance(1us);
  EXPECT_EQ(refusal(token), "unauthenticated");          // remembered, and over
  world_.manual_clock().advance(Keys::kCacheTime);       // no longer remembered
  EXPECT_EQ(refusal(token), "unauthenticated");          // and over in the store
  world_.manual_clock().set_wall(*description.expires);  // the clock was set back
  EXPECT_EQ(refusal(token), "unauthenticated");
}

TEST_F(KeysTest, ARevokedKeyEndsAtOnceAndAlone) {
  const NewKey gone = make(acme_);
  const NewKey stays = make(acme_);
  const NewKey foreign = make(other_);
  for (const NewKey* key : {&gone, &stays, &foreign}) {
    EXPECT_EQ(refusal(key->token), "");
  }
  ASSERT_TRUE(run(keys_->revoke(acme_, gone.key.id)));
  EXPECT_EQ(refusal(gone.token), "unauthenticated");
  EXPECT_EQ(refusal(stays.token), "");
  EXPECT_EQ(refusal(foreign.token), "");
  EXPECT_EQ(run(keys_->revoke(acme_, gone.key.id)).error().code, Code::kNotFound);
}

TEST_F(KeysTest, AnotherTenantsKeyCannotBeRevoked) {
  const NewKey foreign = make(other_);
  EXPECT_EQ(run(keys_->revoke(acme_, foreign.key.id)).error().code, Code::kNotFound);
  EXPECT_EQ(refusal(foreign.token), "");
  for (const std::string& id : {""s, "key_"s, "\0"s, "key_' OR 1=1"s, std::string(10'000, 'k')}) {
    EXPECT_EQ(run(keys_->revoke(acme_, id)).error().code, Code::kNotFound) << id.substr(0, 20);
  }
}

TEST_F(KeysTest, AKeyThatAnotherNodeRevokedEndsWithinTheCachesTime) {
  const NewKey made = make(acme_);
  EXPECT_EQ(refusal(made.token), "");
  Keys elsewhere(world_, *store_);
  ASSERT_TRUE(run(elsewhere.revoke(acme_, made.key.id)));
  world_.manual_clock().advance(Keys::kCacheTime - 1us);
  EXPECT_EQ(refusal(made.token), "");
  world_.manual_clock().advance(1us);
  EXPECT_EQ(refusal(made.token), "unauthenticated");
}

TEST_F(KeysTest, AKeyRevokedDuringItsLookUpIsNotRemembered) {
  const NewKey made = make(acme_);
  std::optional<Result<Principal>> late;
  test::SingleThread late_caller;
  late_caller.start(keys_->authenticate(made.token), late);
  for (int reads = 0; reads < 2; ++reads) {  // the operator's hash, then the key's record
    late_caller.run_ready();
    disk_.run_ready();
  }
  ASSERT_FALSE(late);
  ASSERT_TRUE(run(keys_->revoke(acme_, made.key.id)));
  late_caller.run_ready();
  ASSERT_TRUE(late);
  EXPECT_TRUE(late->has_value()) << "it was looked up before it was revoked";
  EXPECT_EQ(refusal(made.token), "unauthenticated");
}

TEST_F(KeysTest, AKeyEndsWithItsTenantAndDoesNotComeBackWithTheName) {
  const std::string token = make(acme_).token;
  EXPECT_EQ(refusal(token), "");
  delete_tenant(acme_);
  keys_->forget(acme_);
  EXPECT_EQ(refusal(token), "unauthenticated") << "while the tenant is being deleted";
  purge();
  EXPECT_EQ(refusal(token), "unauthenticated") << "when it is gone";
  make_tenant(acme_);
  EXPECT_EQ(refusal(token), "unauthenticated") << "in the next one of its name";
}

TEST_F(KeysTest, ForgettingATenantLeavesTheOthersInMemory) {
  const NewKey foreign = make(other_);
  EXPECT_EQ(refusal(foreign.token), "");
  Keys elsewhere(world_, *store_);
  ASSERT_TRUE(run(elsewhere.revoke(other_, foreign.key.id)));
  keys_->forget(acme_);
  EXPECT_EQ(refusal(foreign.token), "") << "still remembered";
  keys_->forget(other_);
  EXPECT_EQ(refusal(foreign.token), "unauthenticated");
}

TEST_F(KeysTest, ManyKeysDoNotMakeTheCacheGrowWithoutBound) {
  const NewKey first = make(acme_);
  EXPECT_EQ(refusal(first.token), "");
  Keys elsewhere(world_, *store_);
  ASSERT_TRUE(run(elsewhere.revoke(acme_, first.key.id)));
  // A full cache is emptied: that is seen by the first key, which only the memory knew.
  constexpr std::size_t kAtOnce = 500;
  for (std::size_t made = 0; made < Keys::kCacheEntriesMax; made += kAtOnce) {
    for (const std::string& token : make_many(kAtOnce)) {
      ASSERT_EQ(refusal(token), "");
    }
  }
  EXPECT_EQ(refusal(first.token), "unauthenticated");
}

TEST_F(KeysTest, NeedsATenantThatIsThere) {
  const auto error = [&] { return run(keys_->create(acme_, describe({}))).error().code; };
  delete_tenant(acme_);
  EXPECT_EQ(error(), Code::kTenantDeleting);
  purge();
  EXPECT_EQ(error(), Code::kNotFound);
  EXPECT_EQ(run(keys_->list(acme_, "", 10)).error().code, Code::kNotFound);
  EXPECT_EQ(run(keys_->revoke(acme_, "key_x")).error().code, Code::kNotFound);
}

TEST_F(KeysTest, ListsATenantsKeysPageByPage) {
  KeyDescription description = describe({Scope::kAdmin, Scope::kInboxRead});
  description.name = "the \"name\" of ünï\n";
  description.user = "u";
  description.expires = world_.clock().wall() + 1h;
  std::set<std::string> made;
  for (int i = 0; i < 5; ++i) {
    made.insert(make(acme_, description).key.id);
  }
  make(other_);
  std::set<std::string> listed;
  std::string after;
  for (bool more = true; more;) {
    const ListPage<Key> page = run(keys_->list(acme_, after, 2)).value();
    ASSERT_FALSE(page.items.empty());
    EXPECT_LE(page.items.size(), 2u);
    for (const Key& key : page.items) {
      EXPECT_EQ(key.description.name, description.name);
      EXPECT_EQ(key.description.scopes, description.scopes);
      EXPECT_EQ(key.description.expires, description.expires);
      EXPECT_EQ(key.description.user, description.user);
      EXPECT_EQ(key.created, world_.clock().wall());
      EXPECT_TRUE(listed.insert(key.id).second);
    }
    after = page.items.back().id;
    more = page.more;
  }
  EXPECT_EQ(listed, made);
}

TEST_F(KeysTest, TheOperatorActsOnEveryTenantAndHasEveryScope) {
  EXPECT_FALSE(run(keys_->has_operator_key()).value());
  const std::string token = keys_->make_operator_token();
  EXPECT_TRUE(token.starts_with("bvk_operator_"));
  EXPECT_EQ(refusal(token), "unauthenticated");
  ASSERT_TRUE(run(keys_->set_operator_key(token)));
  EXPECT_TRUE(run(keys_->has_operator_key()).value());
  const Principal who = ask(token).value();
  EXPECT_TRUE(who.is_operator());
  EXPECT_EQ(who.scopes, Scopes::all());
  EXPECT_NE(keys_->make_operator_token(), token);
}

TEST_F(KeysTest, ANewOperatorKeyEndsTheOldOneAtOnce) {
  const std::string old = keys_->make_operator_token();
  ASSERT_TRUE(run(keys_->set_operator_key(old)));
  EXPECT_EQ(refusal(old), "");
  const std::string own = "any text of twenty bytes will do";
  ASSERT_TRUE(run(keys_->set_operator_key(own)));
  EXPECT_EQ(refusal(old), "unauthenticated");
  EXPECT_TRUE(ask(own)->is_operator());
}

TEST_F(KeysTest, AnOperatorKeyHas20To256Bytes) {
  for (const std::size_t size : {0u, 1u, 19u, 257u, 4'096u}) {
    const Status set = run(keys_->set_operator_key(std::string(size, 'k')));
    ASSERT_FALSE(set) << size;
    EXPECT_EQ(set.error().code, Code::kInvalid);
  }
  EXPECT_FALSE(run(keys_->has_operator_key()).value());
  for (const std::size_t size : {20u, 256u}) {
    const std::string token(size, 'k');
    EXPECT_TRUE(run(keys_->set_operator_key(token)));
    EXPECT_TRUE(ask(token)->is_operator());
  }
}

TEST_F(KeysTest, ATenantCalledOperatorHasTenantsKeys) {
  const TenantName name = tenant_name("operator");
  make_tenant(name);
  const std::string token = make(name).token;
  EXPECT_EQ(ask(token)->tenant, name);
}

TEST_F(KeysTest, ARecordThatCannotBeReadOpensNothing) {
  const std::string token = "bvk_acme_x_y";
  const std::string hash = hex(sha256(token));
  for (const std::string& record : {""s, "x"s, "[]"s, "null"s, "{}"s, R"({"hash":")" + hash + "\"}",
                                    R"({"scopes":"admin","hash":")" + hash + "\"}",
                                    R"({"scopes":{},"hash":")" + hash + "\"}"}) {
    write_record("key_x", record);
    EXPECT_EQ(refusal(token), "internal") << record;
    EXPECT_EQ(run(keys_->list(acme_, "", 10)).error().code, Code::kInternal) << record;
  }
  for (const std::string& record :
       {R"({"scopes":["admin"]})"s, R"({"scopes":["admin"],"hash":5})"s,
        R"({"scopes":["admin"],"hash":""})"s,
        R"({"scopes":["admin"],"expires":"soon","hash":")" + hash + "\"}"}) {
    write_record("key_x", record);
    EXPECT_EQ(refusal(token), "unauthenticated") << record;
  }
  write_record("key_x", R"({"scopes":["admin","of-a-later-version",5],"hash":")" + hash + "\"}");
  EXPECT_EQ(ask(token)->scopes, describe({Scope::kAdmin}).scopes);
}

TEST_F(KeysTest, AStoreThatFailsIsNoRefusalAndIsNotRemembered) {
  const NewKey made = make(acme_);
  for (const std::string& token : {made.token, "bvk_acme_x_y"s}) {
    for (const std::uint64_t failing : {1u, 2u}) {  // the operator's hash, the key's record
      FaultyStore faulty(*store_, world_, [&](FaultyStore::Call, std::uint64_t number) {
        return FaultyStore::Fault{.kind = number == failing ? FaultyStore::Fault::Kind::kBefore
                                                            : FaultyStore::Fault::Kind::kNone};
      });
      Keys keys(world_, faulty);
      const Result<Principal> first = run(keys.authenticate(token));
      ASSERT_FALSE(first);
      EXPECT_EQ(first.error().code, Code::kUnavailable);
      EXPECT_EQ(run(keys.authenticate(token)).has_value(), token == made.token);
    }
  }
}

TEST_F(KeysTest, ARevocationOfUnknownOutcomeLeavesNothingRemembered) {
  const NewKey made = make(acme_);
  FaultyStore faulty(*store_, world_, [](FaultyStore::Call call, std::uint64_t) {
    return FaultyStore::Fault{.kind = call == FaultyStore::Call::kCommit
                                          ? FaultyStore::Fault::Kind::kAfter
                                          : FaultyStore::Fault::Kind::kNone};
  });
  Keys keys(world_, faulty);
  EXPECT_TRUE(run(keys.authenticate(made.token)));
  EXPECT_EQ(run(keys.revoke(acme_, made.key.id)).error().code, Code::kOutcomeUnknown);
  EXPECT_EQ(run(keys.authenticate(made.token)).error().code, Code::kUnauthenticated);
  EXPECT_EQ(run(keys.create(acme_, describe({}))).error().code, Code::kOutcomeUnknown);
}

}  // namespace
}  // namespace bitvault
