#include "webhooks/webhooks.h"

#include <gtest/gtest.h>

#include <array>

#include "base/text.h"
#include "webhooks/webhooks_fixture.h"

namespace bitvault::webhooks {
namespace {

using namespace std::chrono_literals;
using delivery::Notice;
using delivery::Request;
using delivery::TrackRecord;
using Call = bitvault::test::FaultyStore::Call;

TEST_F(WebhooksTest, AWebhookBeginsWithItsTrackAndItsEvent) {
  const Webhook made = create(acme_, {.url = "https://example.com/hook?code=hunter2"}, {41});
  EXPECT_TRUE(made.id.starts_with("whk_"));
  EXPECT_TRUE(made.enabled);
  EXPECT_EQ(made.created, world_.clock().wall());
  ASSERT_EQ(made.secrets.size(), 1u);
  const auto tracks = records<TrackRecord>(delivery::kTracks, made.id);
  ASSERT_EQ(tracks.size(), 1u);
  EXPECT_EQ(tracks[0].position, Sequence{41});
  EXPECT_EQ(told(acme_), "created");
  EXPECT_TRUE(journal(acme_)[0].contains(R"("endpoint":"example.com/hook")"));
  EXPECT_TRUE(journal(acme_)[0].contains(R"("id":"key_1")"));
  EXPECT_FALSE(journal(acme_)[0].contains("hunter2"));
  EXPECT_EQ(changed_, std::vector<std::string>{"acme"});
  EXPECT_TRUE(get(made.id).secrets[0].secret.text().same_as(made.secrets[0].secret.text()));
}

TEST_F(WebhooksTest, NothingIsMadeOfWhatIsWrong) {
  const auto made = run(webhooks_->create(acme_, actor_, {.url = "ftp://x"}, {}, {}));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::kInvalid);
  EXPECT_EQ(told(acme_), "");
  EXPECT_TRUE(changed_.empty());
  const auto nowhere = run(webhooks_->create(TenantName::parse("nobody").value(), actor_,
                                             {.url = "https://a.b"}, {}, {}));
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, Code::kNotFound);
}

TEST_F(WebhooksTest, ATenantHasOnlySoMany) {
  for (std::size_t i = 0; i < kLimits.webhooks; ++i) {
    create();
  }
  const auto refused = run(webhooks_->create(acme_, actor_, {.url = "https://a.b"}, {}, {}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kConflict);
  EXPECT_TRUE(refused.error().detail.contains("5 is the most")) << refused.error().detail;
  create(other_, {.url = "https://a.b"});
  const auto all = run(webhooks_->list(acme_, "", 100));
  ASSERT_TRUE(run(webhooks_->remove(acme_, all->items.front().id)));
  create();
}

TEST_F(WebhooksTest, ListsThemInTheOrderOfTheirMaking) {
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) {
    ids.push_back(create().id);
    world_.manual_clock().advance(1s);
  }
  std::vector<std::string> listed;
  std::string after;
  for (bool more = true; more;) {
    const auto page = run(webhooks_->list(acme_, after, 3));
    for (const Webhook& webhook : page->items) {
      listed.push_back(webhook.id);
    }
    more = page->more;
    after = listed.back();
  }
  EXPECT_EQ(listed, ids);
}

TEST_F(WebhooksTest, AForeignOneIsUnknownWhateverIsAsked) {
  const std::string foreign = create(other_, {.url = "https://a.b"}).id;
  const auto code = [](const auto& result) {
    return result ? Code::kInternal : result.error().code;
  };
  const auto nothing = [](WebhookSettings&) { return Status{}; };
  for (const std::string& id : {foreign, std::string("whk_"), std::string("whk_/live"),
                                std::string("nonsense"), std::string(5'000, 'w'), std::string()}) {
    EXPECT_EQ(code(run(webhooks_->get(acme_, id))), Code::kNotFound) << id;
    EXPECT_EQ(code(run(webhooks_->update(acme_, id, actor_, nothing, {}))), Code::kNotFound);
    EXPECT_EQ(code(run(webhooks_->remove(acme_, id))), Code::kNotFound);
    EXPECT_EQ(code(run(webhooks_->rotate(acme_, id, actor_, {}, 5s))), Code::kNotFound);
    EXPECT_EQ(code(run(webhooks_->enable(acme_, id, actor_, Resume::kSkip))), Code::kNotFound);
    EXPECT_EQ(code(run(webhooks_->disable(acme_, id, actor_))), Code::kNotFound);
    EXPECT_EQ(code(run(webhooks_->test(acme_, id, actor_))), Code::kNotFound);
    EXPECT_EQ(code(run(webhooks_->redeliver(acme_, id, "e"))), Code::kNotFound);
    EXPECT_EQ(code(run(webhooks_->dead_letters(acme_, id, {}, 5))), Code::kNotFound);
    EXPECT_EQ(code(run(webhooks_->redeliver_dead(acme_, id, {}))), Code::kNotFound);
    EXPECT_EQ(code(run(webhooks_->discard_dead(acme_, id, {}))), Code::kNotFound);
    EXPECT_EQ(code(run(webhooks_->start_replay(acme_, id, {}))), Code::kNotFound);
    EXPECT_EQ(code(run(webhooks_->replays(acme_, id, "", 5))), Code::kNotFound);
    EXPECT_EQ(code(run(webhooks_->replay(acme_, id, "rpl_1"))), Code::kNotFound);
    EXPECT_EQ(code(run(webhooks_->cancel_replay(acme_, id, "rpl_1"))), Code::kNotFound);
  }
  EXPECT_EQ(told(acme_), "");
  EXPECT_TRUE(outgoing_.sent.empty());
}

TEST_F(WebhooksTest, AChangeOfFilterIsCounted) {
  const std::string id = create().id;
  const auto update = [&](const Webhooks::Change& change, std::vector<std::string> names) {
    return run(webhooks_->update(acme_, id, actor_, change, std::move(names)));
  };
  world_.manual_clock().advance(5s);
  auto changed = update(
      [](WebhookSettings& s) {
        s.description = "new";
        return Status{};
      },
      {"description"});
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->filter_revision, 0u);
  EXPECT_EQ(changed->updated - changed->created, 5s);
  changed = update(
      [](WebhookSettings& s) {
        s.types = {"bitvault.node.*"};
        return Status{};
      },
      {"types"});
  EXPECT_EQ(changed->filter_revision, 1u);
  EXPECT_EQ(get(id).settings.types.size(), 1u);
  const auto wrong = update(
      [](WebhookSettings& s) {
        s.types = {"nonsense"};
        return Status{};
      },
      {"types"});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(get(id).settings.types[0], "bitvault.node.*");
  EXPECT_EQ(told(acme_), "created updated updated");
  EXPECT_TRUE(journal(acme_)[2].contains(R"("changed":["types"])"));
}

TEST_F(WebhooksTest, SignaturesAddedByAnUpdateHaveTheirSecret) {
  const Webhook made = create();
  const auto changed =
      run(webhooks_->update(acme_, made.id, actor_,
                            [](WebhookSettings& s) {
                              s.signatures = {SignatureKind::kHmac, SignatureKind::kEd25519};
                              return Status{};
                            },
                            {"signatures"}));
  ASSERT_EQ(changed->secrets.size(), 2u);
  EXPECT_TRUE(changed->secrets[1].secret.text().same_as(made.secrets[0].secret.text()));
}

TEST_F(WebhooksTest, ChangesAtOnceAreAllMade) {
  const std::string id = create().id;
  int commits = 0;
  before_ = [&](Call call) {
    commits += call == Call::kCommit ? 1 : 0;
    return Fault{};
  };
  const Webhooks::Change changes[] = {
      [](WebhookSettings& s) {
        s.url = "https://new.example.com";
        return Status{};
      },
      [](WebhookSettings& s) {
        s.description = "new";
        return Status{};
      },
      [](WebhookSettings& s) {
        s.own_events = true;
        return Status{};
      },
  };
  std::array<std::optional<Result<Webhook>>, 3> done;
  for (std::size_t i = 0; i < done.size(); ++i) {
    thread_.start(webhooks_->update(acme_, id, actor_, changes[i], {}), done[i]);
  }
  thread_.run_all();
  before_ = nullptr;
  EXPECT_GT(commits, 3) << "some were too late the first time";
  for (const auto& each : done) {
    ASSERT_TRUE(each && each->has_value());
  }
  const Webhook webhook = get(id);
  EXPECT_EQ(webhook.settings.url, "https://new.example.com");
  EXPECT_EQ(webhook.settings.description, "new");
  EXPECT_TRUE(webhook.settings.own_events);
  EXPECT_EQ(webhook.filter_revision, 1u);
  EXPECT_EQ(told(acme_), "created updated updated updated");
}

TEST_F(WebhooksTest, RotationIsKept) {
  const Webhook made = create();
  const auto rotated = run(webhooks_->rotate(acme_, made.id, actor_, {}, 60s));
  ASSERT_TRUE(rotated);
  const Webhook kept = get(made.id);
  ASSERT_EQ(kept.secrets.size(), 2u);
  EXPECT_TRUE(kept.secrets[0].secret.text().same_as(rotated->secrets[0].secret.text()));
  EXPECT_TRUE(kept.secrets[1].secret.text().same_as(made.secrets[0].secret.text()));
  EXPECT_EQ(kept.secrets[1].expires, world_.clock().wall() + 60s);
  EXPECT_EQ(told(acme_), "created updated");
}

TEST_F(WebhooksTest, IsDisabledAndEnabledOnce) {
  const std::string id = create().id;
  for (int i = 0; i < 2; ++i) {
    const auto disabled = run(webhooks_->disable(acme_, id, actor_));
    ASSERT_TRUE(disabled);
    EXPECT_FALSE(disabled->enabled);
    EXPECT_EQ(disabled->disabled_reason, "asked");
    EXPECT_EQ(disabled->disabled_at, world_.clock().wall());
  }
  EXPECT_EQ(told(acme_), "created disabled");
  for (int i = 0; i < 2; ++i) {
    const auto enabled = run(webhooks_->enable(acme_, id, actor_, Resume::kCatchUp));
    ASSERT_TRUE(enabled);
    EXPECT_TRUE(enabled->enabled);
    EXPECT_EQ(enabled->disabled_reason, "");
    EXPECT_FALSE(enabled->disabled_at);
  }
  EXPECT_EQ(told(acme_), "created disabled enabled");
  EXPECT_TRUE(records<Request>(delivery::kRequests, id).empty());
}

TEST_F(WebhooksTest, SkippingIsAskedOfTheEngine) {
  const std::string id = create().id;
  ASSERT_TRUE(run(webhooks_->disable(acme_, id, actor_)));
  ASSERT_TRUE(run(webhooks_->enable(acme_, id, actor_, Resume::kSkip)));
  const auto asked = records<Request>(delivery::kRequests, id);
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].kind, Request::Kind::kSkip);
  EXPECT_TRUE(journal(acme_).back().contains("WEBHOOK_RESUME_SKIP"));
}

TEST_F(WebhooksTest, NothingIsToldWhereNobodyAsked) {
  tell_events(acme_, false);
  const std::string id = create().id;
  ASSERT_TRUE(run(webhooks_->disable(acme_, id, actor_)));
  Transaction transaction(acme_);
  ASSERT_TRUE(run(webhooks_->tell(
      {{.kind = Notice::Kind::kFailing, .subscription = id, .reason = "timeout"}}, transaction)));
  EXPECT_TRUE(transaction.events().empty());
  EXPECT_EQ(told(acme_), "");
}

TEST_F(WebhooksTest, RemovingForgets) {
  const std::string id = create().id;
  changed_.clear();
  ASSERT_TRUE(run(webhooks_->remove(acme_, id)));
  EXPECT_FALSE(run(webhooks_->get(acme_, id)));
  EXPECT_EQ(attempts_.forgotten, std::vector<std::string>{"acme/" + id});
  EXPECT_EQ(changed_, std::vector<std::string>{"acme"});
}

TEST_F(WebhooksTest, TheEngineIsToldAgainWhenTheOutcomeIsUnknown) {
  const std::string id = create().id;
  changed_.clear();
  before_ = [](Call call) {
    return call == Call::kCommit ? Fault{.kind = Fault::Kind::kAfter} : Fault{};
  };
  const auto disabled = run(webhooks_->disable(acme_, id, actor_));
  before_ = nullptr;
  ASSERT_FALSE(disabled);
  EXPECT_EQ(disabled.error().code, Code::kOutcomeUnknown);
  EXPECT_EQ(changed_, std::vector<std::string>{"acme"});
  before_ = [](Call call) {
    return call == Call::kCommit ? Fault{.kind = Fault::Kind::kBefore} : Fault{};
  };
  EXPECT_FALSE(run(webhooks_->enable(acme_, id, actor_, Resume::kCatchUp)));
  EXPECT_EQ(changed_.size(), 1u) << "nothing has changed";
  before_ = nullptr;
}

TEST_F(WebhooksTest, SubscriptionsAreWhatTheEngineNeeds) {
  const Webhook all = create();
  world_.manual_clock().advance(1s);
  const Webhook some = create(acme_, {.url = "https://some.example.com",
                                      .types = {"bitvault.node.*"},
                                      .pattern = R"({"data":{"x":[1]}})",
                                      .policy = {.concurrency = 3}});
  create(other_, {.url = "https://a.b"});
  ASSERT_TRUE(run(webhooks_->disable(acme_, all.id, actor_)));
  const auto told = run(webhooks_->subscriptions(acme_));
  ASSERT_TRUE(told);
  ASSERT_EQ(told->size(), 2u);
  EXPECT_EQ(told->at(0).id, all.id);
  EXPECT_FALSE(told->at(0).enabled);
  EXPECT_FALSE(told->at(0).filter.pattern());
  EXPECT_EQ(told->at(1).id, some.id);
  EXPECT_TRUE(told->at(1).enabled);
  EXPECT_TRUE(told->at(1).filter.pattern());
  EXPECT_EQ(told->at(1).policy.concurrency, 3u);
  EXPECT_EQ(told->at(1).filter.filter().type_prefixes().size(), 1u);
  const auto outcome = run(told->at(1).target->attempt(
      {.event = SharedBytes(journal(acme_)[0]), .sequence = {1}, .previous = {}}));
  EXPECT_EQ(outcome.verdict, delivery::Verdict::kDelivered);
  EXPECT_EQ(outgoing_.sent.back().url, "https://some.example.com");
}

class TellTest : public WebhooksTest {
 protected:
  void SetUp() override {
    WebhooksTest::SetUp();
    id_ = create().id;
    other_id_ = create().id;
  }
  // Tells and commits; the types that were told.
  std::string tell(const std::vector<Notice>& notices) {
    const std::size_t before = journal(acme_).size();
    Transaction transaction(acme_);
    EXPECT_TRUE(run(webhooks_->tell(notices, transaction)));
    EXPECT_TRUE(run(sqlite_->commit(std::move(transaction))));
    std::string words;
    const auto events = journal(acme_);
    for (std::size_t i = before; i < events.size(); ++i) {
      words += (words.empty() ? "" : " ") + std::string(read_head(events[i]).type);
    }
    return words;
  }
  Notice notice(Notice::Kind kind) const {
    return {.kind = kind,
            .subscription = id_,
            .reason = "http_503",
            .at = world_.clock().wall(),
            .since = world_.clock().wall() - 5min,
            .sequence = {7},
            .event_id = "evt:7",
            .event_type = "bitvault.node.created.v1",
            .attempts = 4};
  }

  std::string id_;
  std::string other_id_;
};

TEST_F(TellTest, EachNoticeIsAnEvent) {
  EXPECT_EQ(tell({notice(Notice::Kind::kFailing), notice(Notice::Kind::kRecovered),
                  notice(Notice::Kind::kDeadLettered)}),
            "bitvault.webhook.failing.v1 bitvault.webhook.recovered.v1 "
            "bitvault.webhook.dead_lettered.v1");
  const std::string letter = journal(acme_).back();
  EXPECT_TRUE(letter.contains(R"("sequence":"7")"));
  EXPECT_TRUE(letter.contains(R"("id":"evt:7")"));
  EXPECT_TRUE(get(id_).enabled);
}

TEST_F(TellTest, TheSameNoticeIsToldOnce) {
  const Notice failing = notice(Notice::Kind::kFailing);
  EXPECT_EQ(tell({failing}), "bitvault.webhook.failing.v1");
  EXPECT_EQ(tell({failing}), "") << "a duplicate for the journal";
  world_.manual_clock().advance(1s);
  EXPECT_EQ(tell({notice(Notice::Kind::kFailing)}), "bitvault.webhook.failing.v1");
}

TEST_F(TellTest, ANoticeDisables) {
  EXPECT_EQ(tell({notice(Notice::Kind::kDeadLettered), notice(Notice::Kind::kDisabled)}),
            "bitvault.webhook.dead_lettered.v1 bitvault.webhook.disabled.v1");
  const Webhook webhook = get(id_);
  EXPECT_FALSE(webhook.enabled);
  EXPECT_EQ(webhook.disabled_reason, "http_503");
  EXPECT_EQ(webhook.disabled_at, world_.clock().wall());
  EXPECT_TRUE(get(other_id_).enabled);
  EXPECT_TRUE(journal(acme_).back().contains("ACTOR_KIND_SYSTEM"));
  EXPECT_EQ(tell({notice(Notice::Kind::kDisabled)}), "") << "it is disabled already";
}

TEST_F(TellTest, DisablingExpectsWhatItRead) {
  Transaction transaction(acme_);
  ASSERT_TRUE(run(webhooks_->tell({notice(Notice::Kind::kDisabled)}, transaction)));
  ASSERT_TRUE(run(webhooks_->rotate(acme_, id_, actor_, {}, 5s)));
  const auto committed = run(sqlite_->commit(std::move(transaction)));
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code, Code::kConflict);
  EXPECT_TRUE(get(id_).enabled);
}

TEST_F(TellTest, WhatIsGoneIsNotToldOf) {
  ASSERT_TRUE(run(webhooks_->remove(acme_, id_)));
  EXPECT_EQ(tell({notice(Notice::Kind::kDisabled), notice(Notice::Kind::kFailing)}), "");
}

TEST_F(TellTest, TwoThatHearOfEachOtherComeToAnEnd) {
  Notice echo = notice(Notice::Kind::kDeadLettered);
  echo.event_type = "bitvault.webhook.dead_lettered.v1";
  EXPECT_EQ(tell({echo}), "");
}

}  // namespace
}  // namespace bitvault::webhooks
