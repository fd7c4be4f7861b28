// The agenda: which folders are to be looked at now, which ones again later, and which nodes have
// vanished but are not yet given up. Pure: the time is given.
//
// Work is done in rounds. A node that vanished in one round may be deleted in a later one; a folder
// that is put off waits a little longer each time, so that nothing ever spins.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "watch/node.h"

namespace bitvault::watch {

class Agenda {
 public:
  struct Delays {
    Duration first = std::chrono::milliseconds(50);
    Duration longest = std::chrono::seconds(2);
  };
  explicit Agenda(const Delays& delays) : delays_(delays) {}

  // Begins a round: what was put off and is due becomes ready.
  void begin_round(MonotonicTime now);

  void look_now(NodeRef folder) { now_.insert(folder); }
  void look_ready(NodeRef folder) { ready_.insert(folder); }
  // Again in a later round; `at_least` is the shortest wait. A folder that is already put off keeps
  // its turn.
  void look_later(NodeRef folder, MonotonicTime now, Duration at_least = {});
  // It was looked at and nothing in it waits: its next delay is the first one again.
  void rested(NodeRef folder) {
    if (!later_.contains(folder)) {
      put_off_.erase(folder);
    }
  }

  // At most `most` folders, taken off the agenda.
  [[nodiscard]] std::vector<NodeRef> take_now(std::size_t most) { return take(now_, most); }
  [[nodiscard]] std::vector<NodeRef> take_ready(std::size_t most) { return take(ready_, most); }
  [[nodiscard]] std::size_t now_size() const { return now_.size(); }
  [[nodiscard]] std::size_t ready_size() const { return ready_.size(); }
  // When the first folder that was put off is due.
  [[nodiscard]] std::optional<MonotonicTime> next_due() const;

  void hold(NodeRef node) { held_.emplace(node, round_); }
  void release(NodeRef node) { held_.erase(node); }
  // Whether it is held since an earlier round.
  [[nodiscard]] bool is_held(NodeRef node) const;
  [[nodiscard]] std::vector<NodeRef> held() const;

  // The node is gone: its NodeRef may stand for another one soon.
  void forget(NodeRef node);
  void clear();

 private:
  static std::vector<NodeRef> take(std::set<NodeRef>& from, std::size_t most);

  Delays delays_;
  unsigned round_ = 0;
  std::set<NodeRef> now_;
  std::set<NodeRef> ready_;
  std::map<NodeRef, MonotonicTime> later_;         // due when
  std::unordered_map<NodeRef, unsigned> put_off_;  // how often in a row
  std::unordered_map<NodeRef, unsigned> held_;     // since which round
};

}  // namespace bitvault::watch
