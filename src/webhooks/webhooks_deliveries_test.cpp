#include <gtest/gtest.h>

#include <array>

#include "base/text.h"
#include "webhooks/verifier.h"
#include "webhooks/webhooks.h"
#include "webhooks/webhooks_fixture.h"

namespace bitvault::webhooks {
namespace {

using namespace std::chrono_literals;
using delivery::ReplayRecord;
using delivery::Request;

class DeliveriesTest : public WebhooksTest {
 protected:
  void SetUp() override {
    WebhooksTest::SetUp();
    id_ = create().id;
  }
  std::vector<Request> asked() { return records<Request>(delivery::kRequests, id_); }
  template <class T>
  static Code code(const Result<T>& result) {
    return result ? Code::kInternal : result.error().code;
  }
  void disable() { ASSERT_TRUE(run(webhooks_->disable(acme_, id_, actor_))); }

  std::string id_;
};

TEST_F(DeliveriesTest, RedeliveryIsAskedOfTheEngine) {
  const Sequence sequence = publish("evt:1");
  changed_.clear();
  ASSERT_TRUE(run(webhooks_->redeliver(acme_, id_, "evt:1")));
  ASSERT_EQ(asked().size(), 1u);
  EXPECT_EQ(asked()[0],
            (Request{.kind = Request::Kind::kRedeliver, .sequences = std::vector{sequence}}));
  EXPECT_EQ(changed_, std::vector<std::string>{"acme"});
  EXPECT_EQ(code(run(webhooks_->redeliver(acme_, id_, "evt:2"))), Code::kNotFound);
  EXPECT_EQ(code(run(webhooks_->redeliver(acme_, id_, "no.id"))), Code::kNotFound);
  disable();
  EXPECT_EQ(code(run(webhooks_->redeliver(acme_, id_, "evt:1"))), Code::kConflict);
  EXPECT_EQ(asked().size(), 1u);
}

TEST_F(DeliveriesTest, WhatIsPastItsRetentionIsRedeliveredWhileItIsHeld) {
  const Sequence held = publish("held");
  const Sequence gone = publish("gone");
  publish("last");
  Transaction hold(acme_);
  hold.hold(held, delivery::dead_letter_holder(id_));
  ASSERT_TRUE(run(sqlite_->commit(std::move(hold))));
  const Epoch epoch = run(sqlite_->head(acme_))->epoch;
  ASSERT_TRUE(run(sqlite_->raise_floor(acme_, {epoch, gone.next()})));
  while (run(sqlite_->prune(acme_, {}))->more) {
  }
  EXPECT_TRUE(run(webhooks_->redeliver(acme_, id_, "held")));
  EXPECT_EQ(code(run(webhooks_->redeliver(acme_, id_, "gone"))), Code::kEventPruned);
}

TEST_F(DeliveriesTest, OnlySoMuchWaits) {
  publish("evt:1");
  for (std::size_t i = 0; i < kLimits.requests; ++i) {
    ASSERT_TRUE(run(webhooks_->redeliver(acme_, id_, "evt:1")));
  }
  EXPECT_EQ(code(run(webhooks_->redeliver(acme_, id_, "evt:1"))), Code::kRateLimited);
  EXPECT_EQ(code(run(webhooks_->discard_dead(acme_, id_, {}))), Code::kRateLimited);
  EXPECT_EQ(code(run(webhooks_->start_replay(acme_, id_, {.after = {}, .until = {1}}))),
            Code::kRateLimited);
  const std::string other = create().id;
  EXPECT_TRUE(run(webhooks_->redeliver(acme_, other, "evt:1")));
}

TEST_F(DeliveriesTest, DeadLettersAreListedAndChosen) {
  for (std::uint64_t i = 1; i <= 5; ++i) {
    add_dead_letter(id_, "evt:" + std::to_string(i), {i * 10});
  }
  const auto first = run(webhooks_->dead_letters(acme_, id_, {}, 3));
  ASSERT_TRUE(first);
  ASSERT_EQ(first->items.size(), 3u);
  EXPECT_TRUE(first->more);
  EXPECT_EQ(first->items[2].event_id, "evt:3");
  const auto rest = run(webhooks_->dead_letters(acme_, id_, first->items[2].sequence, 3));
  EXPECT_EQ(rest->items.size(), 2u);
  EXPECT_FALSE(rest->more);

  using Ids = std::vector<std::string>;
  ASSERT_TRUE(run(webhooks_->redeliver_dead(acme_, id_, {Ids{"evt:5", "evt:2", "evt:5"}})));
  ASSERT_TRUE(run(webhooks_->discard_dead(acme_, id_, {Ids{"evt:1"}})));
  ASSERT_TRUE(run(webhooks_->discard_dead(acme_, id_, {})));
  const auto requests = asked();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0].kind, Request::Kind::kRedeliverDead);
  EXPECT_EQ(requests[0].sequences, (std::vector<Sequence>{{20}, {50}}));
  EXPECT_EQ(requests[1].kind, Request::Kind::kDiscardDead);
  EXPECT_EQ(requests[1].sequences, (std::vector<Sequence>{{10}}));
  EXPECT_EQ(requests[2].sequences, std::nullopt);

  const auto unknown = run(webhooks_->discard_dead(acme_, id_, {Ids{"evt:1", "evt:9", ""}}));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::kInvalid);
  ASSERT_EQ(unknown.error().violations.size(), 2u);
  EXPECT_EQ(unknown.error().violations[0].path, "event_ids.1");
  EXPECT_EQ(asked().size(), 3u) << "nothing was changed";
}

TEST_F(DeliveriesTest, DiscardingNeedsNoEnabledWebhook) {
  add_dead_letter(id_, "evt:1", {1});
  disable();
  EXPECT_EQ(code(run(webhooks_->redeliver_dead(acme_, id_, {}))), Code::kConflict);
  EXPECT_TRUE(run(webhooks_->discard_dead(acme_, id_, {})));
}

TEST_F(DeliveriesTest, AReplayIsATrackOfItsOwn) {
  const auto begun =
      run(webhooks_->start_replay(acme_, id_, {.after = {3}, .until = {9}, .only_failed = true}));
  ASSERT_TRUE(begun);
  EXPECT_TRUE(begun->id.starts_with("rpl_"));
  const auto found = run(webhooks_->replay(acme_, id_, begun->id));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->record, begun->record);
  EXPECT_EQ(found->record.track.position, Sequence{3});
  EXPECT_EQ(found->record.since, Sequence{4});
  EXPECT_EQ(found->record.until, Sequence{9});
  EXPECT_TRUE(found->record.only_failed);
  EXPECT_EQ(found->record.state, ReplayRecord::State::kRunning);
  EXPECT_EQ(records<delivery::TrackRecord>(delivery::kTracks, create().id).size(), 1u);
  for (const char* unknown : {"", "live", "rpl_", "rpl_/x", "rpl_0"}) {
    EXPECT_EQ(code(run(webhooks_->replay(acme_, id_, unknown))), Code::kNotFound) << unknown;
    EXPECT_EQ(code(run(webhooks_->cancel_replay(acme_, id_, unknown))), Code::kNotFound);
  }
  ASSERT_TRUE(run(webhooks_->cancel_replay(acme_, id_, begun->id)));
  ASSERT_EQ(asked().size(), 1u);
  EXPECT_EQ(asked()[0].kind, Request::Kind::kCancelReplay);
  EXPECT_EQ(asked()[0].replay, begun->id);
}

TEST_F(DeliveriesTest, AReplayOfNothingIsDone) {
  const auto begun = run(webhooks_->start_replay(acme_, id_, {.after = {3}, .until = {3}}));
  ASSERT_TRUE(begun);
  EXPECT_EQ(begun->record.state, ReplayRecord::State::kDone);
  EXPECT_EQ(begun->record.ended, world_.clock().wall());
  EXPECT_TRUE(run(webhooks_->cancel_replay(acme_, id_, begun->id)));
  EXPECT_TRUE(asked().empty());
}

TEST_F(DeliveriesTest, OnlySoManyReplaysRunAndAreKept) {
  const auto start = [&](std::uint64_t until) {
    world_.manual_clock().advance(1s);
    return run(webhooks_->start_replay(acme_, id_, {.after = {}, .until = {until}}));
  };
  std::array<std::string, 5> ids;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    ids[i] = start(0)->id;
  }
  const auto kept = run(webhooks_->replays(acme_, id_, "", 10));
  ASSERT_EQ(kept->items.size(), kLimits.replays_kept);
  EXPECT_EQ(kept->items.front().id, ids[1]) << "the oldest that ended went";
  const auto second = run(webhooks_->replays(acme_, id_, ids[2], 10));
  EXPECT_EQ(second->items.size(), 2u);
  ASSERT_TRUE(start(1));
  ASSERT_TRUE(start(1));
  EXPECT_EQ(code(start(1)), Code::kConflict);
  EXPECT_EQ(run(webhooks_->replays(acme_, id_, "", 10))->items.size(), kLimits.replays_kept);
  disable();
  EXPECT_EQ(code(start(1)), Code::kConflict);
}

TEST_F(DeliveriesTest, ATestIsSentNowAndIsInNoJournal) {
  disable();
  const std::size_t before = journal(acme_).size();
  outgoing_.answers = {test::TestOutgoing::answer(503, "busy")};
  const auto attempt = run(webhooks_->test(acme_, id_, actor_));
  ASSERT_TRUE(attempt);
  EXPECT_EQ(attempt->outcome.reason, "http_503");
  EXPECT_EQ(attempt->at, world_.clock().wall());
  EXPECT_EQ(journal(acme_).size(), before);
  ASSERT_EQ(outgoing_.sent.size(), 1u);
  const OutgoingRequest& sent = outgoing_.sent[0];
  const EventHead head = read_head(sent.body);
  EXPECT_EQ(head.id, attempt->event_id);
  EXPECT_EQ(head.type, "bitvault.webhook.test.v1");
  EXPECT_EQ(head.epoch, run(sqlite_->head(acme_))->epoch.str());
  EXPECT_TRUE(sent.body.view().contains(R"("sequence":"00000000000000000000")"));
  EXPECT_EQ(test::TestOutgoing::header(sent, "bitvault-sequence"), "0");
  EXPECT_EQ(test::TestOutgoing::header(sent, "bitvault-attempt"), "1");
  Verifier verifier;
  ASSERT_TRUE(verifier.add(get(id_).secrets[0].secret.text().reveal()));
  EXPECT_EQ(verifier.verify({head.id, test::TestOutgoing::header(sent, "webhook-timestamp"),
                             test::TestOutgoing::header(sent, "webhook-signature"), sent.body},
                            world_.clock().wall()),
            Verification::kValid);
  ASSERT_EQ(attempts_.entries.size(), 1u);
  EXPECT_EQ(attempts_.entries[0].attempt, 0u);
  EXPECT_EQ(attempts_.entries[0].status, 503u);
  EXPECT_EQ(attempts_.entries[0].answer, "busy");
  EXPECT_FALSE(attempts_.entries[0].delivered);
}

TEST_F(DeliveriesTest, OnlySoManyTestsAreUnderWay) {
  const std::string foreign = create(other_, {.url = "https://a.b"}).id;
  outgoing_.yields = 50;  // all have begun before the first one ends
  std::array<std::optional<Result<TestAttempt>>, 5> tests;
  for (std::size_t i = 0; i < 3; ++i) {
    thread_.start(webhooks_->test(acme_, id_, actor_), tests[i]);
  }
  thread_.start(webhooks_->test(other_, foreign, actor_), tests[3]);
  thread_.start(webhooks_->test(other_, foreign, actor_), tests[4]);
  thread_.run_all();
  EXPECT_TRUE(tests[0]->has_value());
  EXPECT_TRUE(tests[1]->has_value());
  EXPECT_EQ(code(*tests[2]), Code::kRateLimited) << "a tenant has two at once";
  EXPECT_TRUE(tests[3]->has_value()) << "another one has its own";
  EXPECT_EQ(code(*tests[4]), Code::kRateLimited) << "all together have three";
  EXPECT_TRUE(run(webhooks_->test(acme_, id_, actor_))) << "all turns were given back";
}

}  // namespace
}  // namespace bitvault::webhooks
