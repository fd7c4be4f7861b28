// The checkers of what is read.

#include <algorithm>
#include <string_view>

#include "committed.h"
#include "observe.h"

namespace bitvault::sim {
namespace {

// nothing was visible before it was durable.
class StableBytes final : public Checker {
 public:
  using Checker::Checker;

  void read(const Reading& reading) override {
    for (const StoredEvent& event : reading.slice.events) {
      remember(reading.tenant, event.sequence, event.bytes);
    }
  }
  void paged(const Paging& paging) override {
    for (const StoredEvent& event : paging.page.events) {
      remember(paging.tenant, event.sequence, event.bytes);
    }
  }
  void found(const Finding& finding) override {
    if (finding.found && finding.found->state == FoundEvent::State::kPresent) {
      remember(finding.tenant, finding.found->sequence, finding.found->bytes);
      if (finding.found->leaf != leaf_hash(finding.found->bytes)) {
        violations_.add("StableBytes", "{}: the leaf of {} is not of its bytes",
                        finding.tenant.str(), finding.id.str());
      }
    }
  }
  void held(const TenantName& tenant, Sequence sequence, const Result<FoundEvent>& found) override {
    if (found && found->state == FoundEvent::State::kPresent) {
      remember(tenant, sequence, found->bytes);
    }
  }
  void ended(const Ending& ending) override {
    for (const auto& [sequence, bytes] : seen_[ending.tenant]) {
      if (sequence.value > ending.events.size()) {
        violations_.add("StableBytes", "{}: {} was seen and is gone", ending.tenant.str(),
                        sequence.value);
      } else if (const std::string& now = ending.events[sequence.value - 1]; !now.empty()) {
        remember(ending.tenant, sequence, now);
      }
    }
  }

 private:
  void remember(const TenantName& tenant, Sequence sequence, std::string_view bytes) {
    const auto [known, fresh] = seen_[tenant].emplace(sequence, bytes);
    if (!fresh && known->second != bytes) {
      violations_.add("StableBytes", "{}: {} was {} and is {}", tenant.str(), sequence.value,
                      known->second, bytes);
    }
  }

  std::map<TenantName, std::map<Sequence, std::string>> seen_;
};

// the head allow, and each event carries its own number.
class Order final : public Checker {
 public:
  using Checker::Checker;

  void read(const Reading& reading) override {
    const auto& [journal, events] = reading.slice;
    const auto wrong = [&](std::string_view what) {
      violations_.add("Order", "{}: read after {} up to {}, head {}, floor {}, got {}: {}",
                      reading.tenant.str(), reading.after.value, reading.limit.events,
                      journal.head.value, journal.floor.value, events.size(), what);
    };
    std::size_t bytes = 0;
    const Sequence start{std::max(reading.after.value, journal.floor.value - 1)};
    Sequence next = start;
    for (const StoredEvent& event : events) {
      next = next.next();
      bytes += event.bytes.size();
      if (event.sequence != next) {
        wrong(fmt::format("{} stands where {} belongs", event.sequence.value, next.value));
        return;
      }
      check(reading.tenant, journal, event.sequence, event.bytes);
    }
    const std::uint64_t left = journal.head.value - std::min(start, journal.head).value;
    if (events.size() > left || events.size() > reading.limit.events) {
      wrong("too many");
    }
    if (bytes > reading.limit.bytes && events.size() > 1) {
      wrong("too many bytes");
    }
    // The workload's reads are never bounded by bytes alone unless events are large.
    const bool short_of_bytes = bytes + kEventBytesMax > reading.limit.bytes;
    if (events.size() < std::min<std::uint64_t>(left, reading.limit.events) && !short_of_bytes) {
      wrong("too few");
    }
  }

  void ended(const Ending& ending) override {
    Sequence sequence;
    for (const std::string& bytes : ending.events) {
      sequence = sequence.next();
      if (!bytes.empty()) {
        check(ending.tenant, ending.journal, sequence, bytes);
      } else if (sequence >= ending.journal.floor) {
        violations_.add("Order", "{}: {} is gone, the floor is {}", ending.tenant.str(),
                        sequence.value, ending.journal.floor.value);
      }
    }
    if (sequence != ending.journal.head) {
      violations_.add("Order", "{}: {} events up to head {}", ending.tenant.str(), sequence.value,
                      ending.journal.head.value);
    }
  }

 private:
  void check(const TenantName& tenant, const JournalHead& journal, Sequence sequence,
             std::string_view bytes) {
    if (attribute(bytes, "sequence") != sequence_text(sequence) ||
        attribute(bytes, "epoch") != journal.epoch.str() ||
        attribute(bytes, "tenant") != tenant.str()) {
      violations_.add("Order", "{}: {} is not what stands in {}", tenant.str(), sequence.value,
                      bytes);
    }
  }
};

// recordedtime never decreases along the journal, whatever the clock does.
class RecordedTime final : public Checker {
 public:
  using Checker::Checker;

  void read(const Reading& reading) override {
    std::string_view before;
    for (const StoredEvent& event : reading.slice.events) {
      before = check(reading.tenant, before, event.bytes);
    }
  }
  void ended(const Ending& ending) override {
    std::string_view before;
    for (const std::string& bytes : ending.events) {
      before = bytes.empty() ? before : check(ending.tenant, before, bytes);
    }
  }

 private:
  std::string_view check(const TenantName& tenant, std::string_view before,
                         std::string_view bytes) {
    const std::string_view now = attribute(bytes, "recordedtime");
    if (now.size() != kTimeTextBytes || now < before) {
      violations_.add("RecordedTime", "{}: {} follows {}", tenant.str(), now, before);
    }
    return now;
  }
};

// A head that anybody saw is the least that whoever looks later sees; there is one epoch.
class Heads final : public Checker {
 public:
  using Checker::Checker;

  void announced(const TenantName& tenant, const JournalHead& head) override {
    see(tenant, head.epoch);
  }
  void answered(const Submission& submission, const Reply<Committed>& reply) override {
    if (reply && *reply) {
      see(submission.tenant, (*reply)->epoch);
      for (const Committed::Event& event : (*reply)->events) {
        if (event.sequence > (*reply)->head || event.sequence == Sequence{}) {
          violations_.add("Heads", "{}: {} was committed, but the head is {}",
                          submission.tenant.str(), event.sequence.value, (*reply)->head.value);
        }
      }
    }
  }
  void read(const Reading& reading) override {
    see(reading.tenant, reading.slice.journal.epoch);
    if (reading.slice.journal.head < reading.at_least) {
      violations_.add("Heads", "{}: the head was {} and is {}", reading.tenant.str(),
                      reading.at_least.value, reading.slice.journal.head.value);
    }
  }
  void ended(const Ending& ending) override { see(ending.tenant, ending.journal.epoch); }

 private:
  void see(const TenantName& tenant, const Epoch& epoch) {
    const auto [known, fresh] = epochs_.emplace(tenant, epoch);
    if (!fresh && known->second != epoch) {
      violations_.add("Heads", "{}: epoch {} became {}", tenant.str(), known->second.str(),
                      epoch.str());
    }
  }

  std::map<TenantName, Epoch> epochs_;
};

// given can be read from.
class Cursors final : public Checker {
 public:
  using Checker::Checker;

  void reset(const TenantName& tenant, const Position& from, CursorReset::Reason reason,
             const Position& earliest) override {
    if (reason != CursorReset::Reason::kExpired || earliest.epoch != from.epoch ||
        from.sequence >= earliest.sequence) {
      violations_.add("Cursors", "{}: the cursor at {} was refused, reason {}, earliest {}",
                      tenant.str(), from.sequence.value, static_cast<int>(reason),
                      earliest.sequence.value);
    }
  }
  void paged(const Paging& paging) override {
    const FeedPage& page = paging.page;
    const auto wrong = [&](std::string_view what) {
      violations_.add("Cursors", "{}: a page of {} from {} to {}, at most {}, head at least {}: {}",
                      paging.tenant.str(), page.events.size(), paging.from.sequence.value,
                      paging.to.sequence.value, paging.limit, paging.at_least.value, what);
    };
    if (paging.to.epoch != paging.from.epoch || paging.to.sequence < paging.from.sequence) {
      wrong("the cursor goes back");
    }
    if (page.events.size() > paging.limit) {
      wrong("too many");
    }
    if (!page.has_more && paging.to.sequence < paging.at_least) {
      wrong("it says that there is no more");
    }
    Page kept{paging.from.sequence, paging.to.sequence, paging.subject_prefix, {}};
    for (const StoredEvent& event : page.events) {
      kept.sequences.push_back(event.sequence);
    }
    pages_[paging.tenant].push_back(std::move(kept));
  }
  void ended(const Ending& ending) override {
    // Of events that left meanwhile only their readers know what they were.
    const auto there = std::ranges::find_if_not(ending.events, &std::string::empty);
    const Sequence first{static_cast<std::uint64_t>(there - ending.events.begin()) + 1};
    for (Page& page : pages_[ending.tenant]) {
      std::erase_if(page.sequences, [&](Sequence sequence) { return sequence < first; });
      std::vector<Sequence> matching;
      for (Sequence at = std::max(page.from.next(), first);
           at <= page.to && at.value <= ending.events.size(); at = at.next()) {
        if (attribute(ending.events[at.value - 1], "subject").starts_with(page.prefix)) {
          matching.push_back(at);
        }
      }
      if (matching != page.sequences) {
        violations_.add("Cursors", "{}: a page from {} to {} of '{}' had {} events, there are {}",
                        ending.tenant.str(), page.from.value, page.to.value, page.prefix,
                        page.sequences.size(), matching.size());
      }
    }
  }

 private:
  struct Page {
    Sequence from;
    Sequence to;
    std::string prefix;
    std::vector<Sequence> sequences;
  };
  std::map<TenantName, std::vector<Page>> pages_;
};

// Nothing of a tenant ever shows up with another. Clients mark all they send: "secret-of-<name>.".
class Isolation final : public Checker {
 public:
  using Checker::Checker;

  void answered(const Submission& submission, const Reply<Committed>& reply) override {
    if (reply && !*reply) {
      check(submission.tenant, reply->error().detail);
    }
  }
  void read(const Reading& reading) override {
    for (const StoredEvent& event : reading.slice.events) {
      check(reading.tenant, event.bytes);
    }
  }
  void paged(const Paging& paging) override {
    for (const StoredEvent& event : paging.page.events) {
      check(paging.tenant, event.bytes);
    }
  }
  void found(const Finding& finding) override {
    check(finding.tenant, finding.found ? finding.found->bytes : finding.found.error().detail);
  }
  void ended(const Ending& ending) override {
    for (const std::string& bytes : ending.events) {
      check(ending.tenant, bytes);
    }
    for (const auto& [key, value] : ending.records) {
      check(ending.tenant, value);
    }
  }

 private:
  void check(const TenantName& tenant, std::string_view text) {
    constexpr std::string_view kMark = "secret-of-";
    const std::string own = fmt::format("{}{}.", kMark, tenant.str());
    for (auto at = text.find(kMark); at != std::string_view::npos; at = text.find(kMark, at + 1)) {
      if (!text.substr(at).starts_with(own)) {
        violations_.add("Isolation", "{} got {}", tenant.str(), text.substr(at, 40));
      }
    }
  }
};

// Events leave only as the settings say, and what has left does not come back.
class Floors final : public Checker {
 public:
  Floors(Violations& violations, const RetentionPolicy& retention)
      : Checker(violations), retention_(retention) {}

  void announced(const TenantName& tenant, const JournalHead& journal) override {
    judge(tenant, journal, Sequence{1});
  }
  void read(const Reading& reading) override {
    judge(reading.tenant, reading.slice.journal, reading.floor);
  }
  void reset(const TenantName& tenant, const Position& /*from*/, CursorReset::Reason /*reason*/,
             const Position& earliest) override {
    reached(tenant, earliest.sequence.next());
  }
  void found(const Finding& finding) override {
    if (finding.found && finding.found->state == FoundEvent::State::kPruned) {
      reached(finding.tenant, finding.found->sequence.next());
    }
    if (finding.found && finding.found->state == FoundEvent::State::kErased) {
      violations_.add("Floors", "{}: nobody erased {}", finding.tenant.str(), finding.id.str());
    }
  }
  void ended(const Ending& ending) override {
    if (ending.journal.floor < reached_[ending.tenant]) {
      violations_.add("Floors", "{}: the floor was {} and is {}", ending.tenant.str(),
                      reached_[ending.tenant].value, ending.journal.floor.value);
    }
  }

 private:
  void reached(const TenantName& tenant, Sequence floor) {
    reached_[tenant] = std::max(reached_[tenant], floor);
  }
  void judge(const TenantName& tenant, const JournalHead& journal, Sequence at_least) {
    reached(tenant, journal.floor);
    const std::uint64_t kept = retention_.max_age_seconds ? 0 : retention_.max_events.value_or(~0u);
    const std::uint64_t highest = journal.head.value > kept ? journal.head.value - kept + 1 : 1;
    if (journal.floor.value > highest || journal.floor < at_least) {
      violations_.add("Floors", "{}: head {}, floor {}; it was at least {}, at most {} are kept",
                      tenant.str(), journal.head.value, journal.floor.value, at_least.value, kept);
    }
  }

  const RetentionPolicy retention_;
  std::map<TenantName, Sequence> reached_;
};

// What is held is there, whatever has left the journal.
class Holds final : public Checker {
 public:
  using Checker::Checker;

  void held(const TenantName& tenant, Sequence sequence, const Result<FoundEvent>& found) override {
    const bool there = found && found->state == FoundEvent::State::kPresent &&
                       found->sequence == sequence && found->leaf == leaf_hash(found->bytes);
    if (!there && (found || found.error().code != Code::kUnavailable)) {
      violations_.add("Holds", "{}: {} is held, but {}", tenant.str(), sequence.value,
                      found ? "it is not there" : found.error().detail);
    }
  }
};

// An id that somebody was told of, or saw, is found.
class Found final : public Checker {
 public:
  using Checker::Checker;

  void found(const Finding& finding) override {
    const Result<FoundEvent>& found = finding.found;
    const bool present = found && found->state == FoundEvent::State::kPresent;
    if (present && attribute(found->bytes, "id") != finding.id.str()) {
      violations_.add("Found", "{}: asked for {}, got {}", finding.tenant.str(), finding.id.str(),
                      found->bytes);
    }
    if (!found && found.error().code != Code::kUnavailable) {
      violations_.add("Found", "{}: {} gave {}", finding.tenant.str(), finding.id.str(),
                      info(found.error().code).name);
    }
  }
};

}  // namespace

void add_reading_checkers(std::vector<std::unique_ptr<Checker>>& checkers, Violations& violations,
                          const RetentionPolicy& retention) {
  checkers.push_back(std::make_unique<StableBytes>(violations));
  checkers.push_back(std::make_unique<Order>(violations));
  checkers.push_back(std::make_unique<RecordedTime>(violations));
  checkers.push_back(std::make_unique<Heads>(violations));
  checkers.push_back(std::make_unique<Cursors>(violations));
  checkers.push_back(std::make_unique<Isolation>(violations));
  checkers.push_back(std::make_unique<Found>(violations));
  checkers.push_back(std::make_unique<Holds>(violations));
  checkers.push_back(std::make_unique<Floors>(violations, retention));
}

}  // namespace bitvault::sim
