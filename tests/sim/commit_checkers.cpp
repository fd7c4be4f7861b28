// The checkers of what was committed.

#include <algorithm>
#include <string_view>

#include "committed.h"
#include "observe.h"

namespace bitvault::sim {
namespace {

using TenantAndId = std::pair<TenantName, EventId>;

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
      if (bytes.empty()) {
        continue;  // it left; the reading checkers know whether it was allowed to
      }
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
      if (bytes.empty()) {
        continue;
      }
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
      if (ending.events[i].empty()) {
        continue;
      }
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
    const bool some_left = !ending.events.empty() && ending.events.front().empty();
    std::size_t before = 0;
    for (const EncodedEvent& event : submission.events) {
      const auto place = places.find(event.id.str());
      const bool there = place != places.end();
      const bool alone = users_.at({submission.tenant, event.id}).size() == 1;
      if ((recorded && !there && !some_left) || (alone && there && !recorded)) {
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

}  // namespace

void add_commit_checkers(std::vector<std::unique_ptr<Checker>>& checkers, Violations& violations) {
  checkers.push_back(std::make_unique<NoLoss>(violations));
  checkers.push_back(std::make_unique<NoPhantom>(violations));
  checkers.push_back(std::make_unique<Atomic>(violations));
  checkers.push_back(std::make_unique<Duplicates>(violations));
  checkers.push_back(std::make_unique<Counters>(violations));
}

}  // namespace bitvault::sim
