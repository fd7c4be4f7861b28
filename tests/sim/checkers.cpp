// The checkers: one small class for each promise.

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "event/event.h"
#include "observe.h"

namespace bitvault::sim {
namespace {

// The value of an attribute of a committed event; empty when there is none. The clients use no
// character that JSON escapes.
std::string_view attribute(std::string_view bytes, std::string_view name) {
  const std::string key = fmt::format("\"{}\":\"", name);
  const auto at = bytes.find(key);
  if (at == std::string_view::npos) {
    return {};
  }
  const auto begin = at + key.size();
  return bytes.substr(begin, bytes.find('"', begin) - begin);
}

void blank(std::string& bytes, std::size_t offset, std::size_t size) {
  if (offset + size <= bytes.size()) {
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), size, '?');
  }
}

// The event without what the commit stamped on it.
std::string unstamped(std::string bytes, const EncodedEvent::Offsets& offsets) {
  blank(bytes, offsets.recordedtime, kTimeTextBytes);
  blank(bytes, offsets.epoch, Epoch::kBytes);
  blank(bytes, offsets.sequence, 20);
  blank(bytes, offsets.salt, kSaltTextBytes);
  return bytes;
}

bool is_commit_of(std::string_view committed, const EncodedEvent& submitted) {
  return committed.size() == submitted.bytes.size() &&
         unstamped(std::string(committed), submitted.offsets) ==
             unstamped(submitted.bytes, submitted.offsets);
}

// Whether a committed event has the members that its producer gave for `repeat`.
bool has_members_of(std::string_view committed, const EncodedEvent& repeat) {
  std::string a = unstamped(std::string(committed), repeat.offsets);
  std::string b = unstamped(repeat.bytes, repeat.offsets);
  if (!repeat.given.time) {
    constexpr std::string_view kTime = "\"time\":\"";
    blank(a, std::min(a.find(kTime), a.size()) + kTime.size(), kTimeTextBytes);
    blank(b, std::min(b.find(kTime), b.size()) + kTime.size(), kTimeTextBytes);
  }
  return a == b;
}

using TenantAndId = std::pair<TenantName, EventId>;

// Reading any range twice gives the same bytes, across crashes, and the end still has all of them:
// nothing was visible before it was durable.
class StableBytes final : public Checker {
 public:
  using Checker::Checker;

  void read(const Reading& reading) override {
    for (const StoredEvent& event : reading.slice.events) {
      remember(reading.tenant, event.sequence, event.bytes);
    }
  }
  void found(const Finding& finding) override {
    if (finding.found) {
      remember(finding.tenant, finding.found->sequence, finding.found->bytes);
      if (finding.found->leaf != leaf_hash(finding.found->bytes)) {
        violations_.add("StableBytes", "{}: the leaf of {} is not of its bytes",
                        finding.tenant.str(), finding.id.str());
      }
    }
  }
  void ended(const Ending& ending) override {
    for (const auto& [sequence, bytes] : seen_[ending.tenant]) {
      if (sequence.value > ending.events.size()) {
        violations_.add("StableBytes", "{}: {} was seen and is gone", ending.tenant.str(),
                        sequence.value);
      } else {
        remember(ending.tenant, sequence, ending.events[sequence.value - 1]);
      }
    }
  }

 private:
  void remember(const TenantName& tenant, Sequence sequence, const std::string& bytes) {
    const auto [known, fresh] = seen_[tenant].emplace(sequence, bytes);
    if (!fresh && known->second != bytes) {
      violations_.add("StableBytes", "{}: {} was {} and is {}", tenant.str(), sequence.value,
                      known->second, bytes);
    }
  }

  std::map<TenantName, std::map<Sequence, std::string>> seen_;
};

// A run of a journal is gap-free, starts where it was asked for, goes on as far as the limit and
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
    Sequence next = reading.after;
    for (const StoredEvent& event : events) {
      next = next.next();
      bytes += event.bytes.size();
      if (event.sequence != next) {
        wrong(fmt::format("{} stands where {} belongs", event.sequence.value, next.value));
        return;
      }
      check(reading.tenant, journal, event.sequence, event.bytes);
    }
    const std::uint64_t left = journal.head.value - std::min(reading.after, journal.head).value;
    if (journal.floor != Sequence{1}) {
      wrong("nothing was pruned");
    }
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
      check(ending.tenant, ending.journal, sequence, bytes);
    }
    if (sequence != ending.journal.head) {
      violations_.add("Order", "{}: {} events up to head {}", ending.tenant.str(), sequence.value,
                      ending.journal.head.value);
    }
  }

 private:
  void check(const TenantName& tenant, const JournalHead& journal, Sequence sequence,
             const std::string& bytes) {
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
      before = check(ending.tenant, before, bytes);
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

// Each acknowledged event is in the journal, once, at the sequence that was told, as it was given.
class NoLoss final : public Checker {
 public:
  using Checker::Checker;

  void answered(const Submission& submission, const Reply<Committed>& reply) override {
    if (!reply || !*reply) {
      return;
    }
    if ((*reply)->events.size() != submission.events.size()) {
      violations_.add("NoLoss", "{}: {} events, {} answers", submission.tenant.str(),
                      submission.events.size(), (*reply)->events.size());
      return;
    }
    for (std::size_t i = 0; i < submission.events.size(); ++i) {
      acknowledged_[submission.tenant].push_back({(*reply)->events[i], submission.events[i]});
    }
  }

  void ended(const Ending& ending) override {
    for (const auto& [told, event] : acknowledged_[ending.tenant]) {
      if (told.sequence.value < 1 || told.sequence.value > ending.events.size()) {
        violations_.add("NoLoss", "{}: {} was acknowledged as {} and is lost", ending.tenant.str(),
                        event.id.str(), told.sequence.value);
        continue;
      }
      const std::string& bytes = ending.events[told.sequence.value - 1];
      const bool as_given =
          told.duplicate ? has_members_of(bytes, event) : is_commit_of(bytes, event);
      if (!as_given) {
        violations_.add("NoLoss", "{}: {} was acknowledged as {}{}, there stands {}",
                        ending.tenant.str(), event.bytes, told.sequence.value,
                        told.duplicate ? " (duplicate)" : "", bytes);
      }
    }
  }

 private:
  struct Acknowledged {
    Committed::Event told;
    EncodedEvent event;
  };
  std::map<TenantName, std::vector<Acknowledged>> acknowledged_;
};

// Each event in a journal was submitted so, in a try that was not refused; no id is there twice.
class NoPhantom final : public Checker {
 public:
  using Checker::Checker;

  void answered(const Submission& submission, const Reply<Committed>& reply) override {
    if (may_be_done(reply)) {
      for (const EncodedEvent& event : submission.events) {
        possible_.emplace(TenantAndId{submission.tenant, event.id}, event);
      }
    }
  }

  void ended(const Ending& ending) override {
    std::set<std::string> ids;
    for (const std::string& bytes : ending.events) {
      const auto id = EventId::parse(attribute(bytes, "id"));
      if (!id || !ids.insert(id->str()).second) {
        violations_.add("NoPhantom", "{}: once more {}", ending.tenant.str(), bytes);
        continue;
      }
      const auto [begin, end] = possible_.equal_range(TenantAndId{ending.tenant, *id});
      if (std::none_of(begin, end, [&](const auto& e) { return is_commit_of(bytes, e.second); })) {
        violations_.add("NoPhantom", "{}: nobody committed {}", ending.tenant.str(), bytes);
      }
    }
  }

 private:
  std::multimap<TenantAndId, EncodedEvent> possible_;
};

// A transaction is there whole or not at all: its events one after the other, and its record.
class Atomic final : public Checker {
 public:
  using Checker::Checker;

  void submitting(const Submission& submission) override {
    submissions_.try_emplace(submission.number, submission);
    for (const EncodedEvent& event : submission.events) {
      users_[{submission.tenant, event.id}].insert(submission.number);
    }
  }

  void ended(const Ending& ending) override {
    std::map<std::string, std::size_t, std::less<>> places;
    for (std::size_t i = 0; i < ending.events.size(); ++i) {
      places.emplace(attribute(ending.events[i], "id"), i + 1);
    }
    for (const auto& [number, submission] : submissions_) {
      if (submission.tenant == ending.tenant) {
        check(submission, ending, places);
      }
    }
  }

 private:
  void check(const Submission& submission, const Ending& ending,
             const std::map<std::string, std::size_t, std::less<>>& places) {
    const bool recorded = ending.records.contains(submission.record_key());
    std::size_t before = 0;
    for (const EncodedEvent& event : submission.events) {
      const auto place = places.find(event.id.str());
      const bool there = place != places.end();
      const bool alone = users_.at({submission.tenant, event.id}).size() == 1;
      if ((recorded && !there) || (alone && there && !recorded)) {
        violations_.add("Atomic", "{}: {} is{} there, its transaction {} is{}", ending.tenant.str(),
                        event.id.str(), there ? "" : " not", submission.number,
                        recorded ? "" : " not");
      }
      if (alone && there) {
        if (before != 0 && place->second < before) {
          violations_.add("Atomic", "{}: {} stands before its predecessor", ending.tenant.str(),
                          event.id.str());
        }
        before = place->second;
      }
    }
  }

  std::map<std::uint64_t, Submission> submissions_;
  std::map<TenantAndId, std::set<std::uint64_t>> users_;
};

// Repeats are told as such, with the first sequence; conflicts only where there is one.
class Duplicates final : public Checker {
 public:
  using Checker::Checker;

  void submitting(const Submission& submission) override {
    for (const EncodedEvent& event : submission.events) {
      Id& id = ids_[{submission.tenant, event.id}];
      ++id.tries;
      const bool known = std::ranges::any_of(id.variants, [&](const EncodedEvent& other) {
        return has_members_of(other.bytes, event);
      });
      if (!known) {
        id.variants.push_back(event);
      }
    }
  }

  void answered(const Submission& submission, const Reply<Committed>& reply) override {
    if (!reply) {
      return;
    }
    std::set<EventId> distinct;
    bool conflict = false;
    for (const EncodedEvent& event : submission.events) {
      distinct.insert(event.id);
      conflict = conflict || ids_.at({submission.tenant, event.id}).variants.size() > 1;
    }
    const bool twice = distinct.size() < submission.events.size();
    if (!*reply) {
      judge_error(submission, reply->error(), conflict, twice);
      return;
    }
    if (twice) {
      violations_.add("Duplicates", "{}: an id twice in transaction {} was accepted",
                      submission.tenant.str(), submission.number);
    }
    for (std::size_t i = 0; i < submission.events.size(); ++i) {
      judge_event(submission, submission.events[i].id, (*reply)->events.at(i));
    }
  }

 private:
  struct Id {
    std::size_t tries = 0;
    std::vector<EncodedEvent> variants;
    Sequence sequence;      // as told; 0 until somebody was told
    bool appended = false;  // somebody was told that it was new
  };

  void judge_error(const Submission& submission, const Error& error, bool conflict, bool twice) {
    const bool expected = error.code == Code::kUnavailable || error.code == Code::kOutcomeUnknown ||
                          (error.code == Code::kIdConflict && conflict) ||
                          (error.code == Code::kInvalid && twice);
    if (!expected) {
      violations_.add("Duplicates", "{}: transaction {} got {} ({})", submission.tenant.str(),
                      submission.number, info(error.code).name, error.detail);
    }
  }

  void judge_event(const Submission& submission, const EventId& event,
                   const Committed::Event& told) {
    Id& id = ids_.at({submission.tenant, event});
    const bool first = id.sequence == Sequence{};
    if (!first && id.sequence != told.sequence) {
      violations_.add("Duplicates", "{}: {} was {} and is {}", submission.tenant.str(), event.str(),
                      id.sequence.value, told.sequence.value);
    }
    if (!told.duplicate && id.appended) {
      violations_.add("Duplicates", "{}: {} is new for the second time", submission.tenant.str(),
                      event.str());
    }
    if (told.duplicate && id.tries < 2) {
      violations_.add("Duplicates", "{}: {} is a duplicate of nothing", submission.tenant.str(),
                      event.str());
    }
    id.sequence = told.sequence;
    id.appended = id.appended || !told.duplicate;
  }

  std::map<TenantAndId, Id> ids_;
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

// Whoever raises a counter expects its old value: no raise is lost, none happens twice.
class Counters final : public Checker {
 public:
  using Checker::Checker;

  void counted(const TenantName& tenant, std::uint64_t value,
               const Reply<Committed>& reply) override {
    Count& count = counts_[tenant];
    if (reply && *reply) {
      if (!count.acknowledged.insert(value).second) {
        violations_.add("Counters", "{}: {} was reached twice", tenant.str(), value);
      }
    } else if (may_be_done(reply)) {
      ++count.unknown;
    }
  }
  void ended(const Ending& ending) override {
    const Count& count = counts_[ending.tenant];
    const auto record = ending.records.find(kCounterKey);
    const std::uint64_t value =
        record == ending.records.end() ? 0 : std::stoull(record->second.substr(0, 20));
    const std::uint64_t least = std::max<std::uint64_t>(
        count.acknowledged.size(), count.acknowledged.empty() ? 0 : *count.acknowledged.rbegin());
    if (value < least || value > count.acknowledged.size() + count.unknown) {
      violations_.add("Counters", "{}: {} raises acknowledged, {} unknown, the counter is {}",
                      ending.tenant.str(), count.acknowledged.size(), count.unknown, value);
    }
  }

 private:
  struct Count {
    std::set<std::uint64_t> acknowledged;
    std::uint64_t unknown = 0;
  };
  std::map<TenantName, Count> counts_;
};

// An id that somebody was told of, or saw, is found.
class Found final : public Checker {
 public:
  using Checker::Checker;

  void found(const Finding& finding) override {
    const Result<FoundEvent>& found = finding.found;
    if (found && attribute(found->bytes, "id") != finding.id.str()) {
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

std::vector<std::unique_ptr<Checker>> all_checkers(Violations& violations) {
  std::vector<std::unique_ptr<Checker>> checkers;
  checkers.push_back(std::make_unique<StableBytes>(violations));
  checkers.push_back(std::make_unique<Order>(violations));
  checkers.push_back(std::make_unique<RecordedTime>(violations));
  checkers.push_back(std::make_unique<Heads>(violations));
  checkers.push_back(std::make_unique<NoLoss>(violations));
  checkers.push_back(std::make_unique<NoPhantom>(violations));
  checkers.push_back(std::make_unique<Atomic>(violations));
  checkers.push_back(std::make_unique<Duplicates>(violations));
  checkers.push_back(std::make_unique<Isolation>(violations));
  checkers.push_back(std::make_unique<Counters>(violations));
  checkers.push_back(std::make_unique<Found>(violations));
  return checkers;
}

}  // namespace bitvault::sim
