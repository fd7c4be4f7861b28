#include "pattern/pattern_set.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <unordered_map>

#include "pattern/matcher_state.h"
#include "pattern/program.h"
#include "pattern/shelves.h"

namespace bitvault {

using pattern::Combination;
using pattern::Filed;
using pattern::Label;
using pattern::PathNode;
using pattern::Slot;

namespace {

// Files may be small now and large later. What is likely to become large costs more.
std::size_t cost_of(const pattern::Shelves& shelves, const std::vector<Label>& labels) {
  constexpr std::size_t kAnyValue = 1'000'000;
  constexpr std::size_t kPrefix = 4;
  std::size_t cost = labels.size();
  for (const Label& label : labels) {
    cost += shelves.count(label);
    switch (label.kind) {
      case Label::Kind::kEqual:
        break;
      case Label::Kind::kPrefix:
      case Label::Kind::kSuffix:
        cost += label.length == 0 ? kAnyValue : kPrefix + (64 / label.length);
        break;
      case Label::Kind::kAnyValue:
        cost += kAnyValue;
    }
  }
  return cost;
}

}  // namespace

struct PatternSet::State {
  struct Entry {
    Id id = 0;
    std::shared_ptr<const pattern::Program> program;
    std::vector<PathNode> nodes;  // of the program's fields, in our paths
    std::vector<Label> labels;    // it is filed under
    bool always = false;          // a combination of it wants nothing but absent fields
  };

  pattern::PathTree paths;
  pattern::Shelves shelves;
  std::vector<Slot> always;
  std::vector<Entry> entries;  // by slot
  std::vector<Slot> free;
  std::unordered_map<Id, Slot> slots;

  void file(Entry& entry, Slot slot);
  // Once for each event; `filed.decided` when it is known to match.
  void ask(Matcher::State& matcher, Filed filed, std::vector<Id>& out) const;
};

// Every combination that is met has each of its conditions met: to find it, one will do.
void PatternSet::State::file(Entry& entry, Slot slot) {
  const pattern::Program& program = *entry.program;
  std::vector<std::vector<Label>> labels;
  std::vector<std::size_t> costs;
  for (std::size_t i = 0; i < program.fields.size(); ++i) {
    labels.push_back(pattern::labels_of(program.fields[i].condition, entry.nodes[i]));
    costs.push_back(program.fields[i].condition.absent ? std::numeric_limits<std::size_t>::max()
                                                       : cost_of(shelves, labels.back()));
  }
  for (const Combination& combination : program.combinations) {
    const auto best =
        std::ranges::min_element(combination, {}, [&](auto field) { return costs[field]; });
    if (costs[*best] == std::numeric_limits<std::size_t>::max()) {
      entry.always = true;
    } else {
      entry.labels.insert(entry.labels.end(), labels[*best].begin(), labels[*best].end());
    }
  }
  std::ranges::sort(entry.labels);
  const auto rest = std::ranges::unique(entry.labels);
  entry.labels.erase(rest.begin(), rest.end());
  if (entry.always) {
    entry.labels.clear();
    always.push_back(slot);
  }
  const bool wants_one_thing = program.fields.size() == 1;
  for (const Label& label : entry.labels) {
    shelves.file(label, {.slot = slot, .decided = wants_one_thing && label.meets});
  }
}

void PatternSet::State::ask(Matcher::State& matcher, Filed filed, std::vector<Id>& out) const {
  if (matcher.asked[filed.slot] == matcher.events) {
    return;
  }
  matcher.asked[filed.slot] = matcher.events;
  const Entry& entry = entries[filed.slot];
  if (!filed.decided) {
    matcher.evaluation.begin(*entry.program, entry.nodes, paths, matcher.reader.reading());
  }
  if (filed.decided || matcher.evaluation.holds()) {
    out.push_back(entry.id);
  }
}

PatternSet::PatternSet() : state_(std::make_unique<State>()) {}
PatternSet::~PatternSet() = default;
PatternSet::PatternSet(PatternSet&&) noexcept = default;
PatternSet& PatternSet::operator=(PatternSet&&) noexcept = default;

std::size_t PatternSet::size() const { return state_->slots.size(); }

void PatternSet::add(Id id, const Pattern& pattern) {
  remove(id);
  State& state = *state_;
  Slot slot = static_cast<Slot>(state.entries.size());
  if (state.free.empty()) {
    state.entries.emplace_back();
  } else {
    slot = state.free.back();
    state.free.pop_back();
  }
  State::Entry& entry = state.entries[slot];
  entry.id = id;
  entry.program = pattern.program_;
  for (const PathNode node : entry.program->nodes) {
    entry.nodes.push_back(
        state.paths.make(pattern::PathTree::kRoot, entry.program->paths.text(node)));
    state.paths.acquire(entry.nodes.back());
  }
  state.file(entry, slot);
  state.slots.emplace(id, slot);
}

bool PatternSet::remove(Id id) {
  State& state = *state_;
  const auto found = state.slots.find(id);
  if (found == state.slots.end()) {
    return false;
  }
  const Slot slot = found->second;
  State::Entry& entry = state.entries[slot];
  for (const Label& label : entry.labels) {
    state.shelves.take_out(label, slot);
  }
  if (entry.always) {
    std::erase(state.always, slot);
  }
  for (const PathNode node : entry.nodes) {
    state.paths.release(node);
  }
  entry = {};
  state.free.push_back(slot);
  state.slots.erase(found);
  return true;
}

Result<std::vector<PatternSet::Id>> PatternSet::match(Matcher& matcher,
                                                      std::string_view event) const {
  Matcher::State& asking = *matcher.state_;
  if (const Status read = asking.reader.read(event, state_->paths); !read) {
    return fail(read.error());
  }
  ++asking.events;
  if (asking.asked.size() < state_->entries.size()) {
    asking.asked.resize(state_->entries.size(), 0);
  }
  std::vector<Id> ids;
  const auto ask_all = [&](std::span<const Filed> all, bool decides) {
    for (const Filed filed : all) {
      state_->ask(asking, {filed.slot, filed.decided && decides}, ids);
    }
  };
  state_->shelves.look_up(asking.reader.reading(), ask_all);
  for (const Slot slot : state_->always) {
    state_->ask(asking, {.slot = slot}, ids);
  }
  std::ranges::sort(ids);
  return ids;
}

}  // namespace bitvault
