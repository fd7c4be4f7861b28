#include "watch/agenda.h"

#include <algorithm>

namespace bitvault::watch {

void Agenda::begin_round(MonotonicTime now) {
  ++round_;
  std::erase_if(later_, [&](const auto& entry) {
    if (entry.second > now) {
      return false;
    }
    ready_.insert(entry.first);
    return true;
  });
}

void Agenda::look_later(NodeRef folder, MonotonicTime now, Duration at_least) {
  constexpr unsigned kDoublingsMax = 16;
  if (later_.contains(folder)) {
    return;  // putting it off once more must not keep it from its turn
  }
  const unsigned times = std::min(put_off_[folder]++, kDoublingsMax);
  const Duration delay = std::min(delays_.first * (1U << times), delays_.longest);
  later_.emplace(folder, now + std::max(delay, at_least));
}

std::optional<MonotonicTime> Agenda::next_due() const {
  if (later_.empty()) {
    return std::nullopt;
  }
  return std::ranges::min_element(later_, {}, [](const auto& entry) { return entry.second; })
      ->second;
}

bool Agenda::is_held(NodeRef node) const {
  const auto found = held_.find(node);
  return found != held_.end() && found->second < round_;
}

std::vector<NodeRef> Agenda::held() const {
  std::vector<NodeRef> nodes;
  nodes.reserve(held_.size());
  for (const auto& [node, round] : held_) {
    nodes.push_back(node);
  }
  return nodes;
}

void Agenda::forget(NodeRef node) {
  now_.erase(node);
  ready_.erase(node);
  later_.erase(node);
  put_off_.erase(node);
  held_.erase(node);
}

void Agenda::clear() {
  now_.clear();
  ready_.clear();
  later_.clear();
  put_off_.clear();
  held_.clear();
}

std::vector<NodeRef> Agenda::take(std::set<NodeRef>& from, std::size_t most) {
  const auto end =
      std::next(from.begin(), static_cast<std::ptrdiff_t>(std::min(most, from.size())));
  std::vector<NodeRef> taken(from.begin(), end);
  from.erase(from.begin(), end);
  return taken;
}

}  // namespace bitvault::watch
