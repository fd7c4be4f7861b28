// A queue of lanes that take turns: within a lane first in, first out; between two items of one
// lane every other lane that waits has had a turn. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <list>
#include <string>
#include <unordered_map>
#include <utility>

namespace bitvault {

template <class Item>
class FairQueue {
 public:
  // `bytes` is what the item counts in bytes() and bytes_of().
  void push(const std::string& lane, Item item, std::size_t bytes = 0) {
    auto known = lanes_.find(lane);
    if (known == lanes_.end()) {
      known = lanes_.emplace(lane, turns_.insert(turns_.end(), Lane{.name = lane})).first;
    }
    Lane& target = *known->second;
    target.entries.push_back({std::move(item), bytes});
    target.bytes += bytes;
    bytes_ += bytes;
    ++size_;
  }

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  [[nodiscard]] std::size_t lanes() const { return turns_.size(); }
  [[nodiscard]] std::size_t size_of(const std::string& lane) const {
    const auto known = lanes_.find(lane);
    return known == lanes_.end() ? 0 : known->second->entries.size();
  }
  [[nodiscard]] std::size_t bytes_of(const std::string& lane) const {
    const auto known = lanes_.find(lane);
    return known == lanes_.end() ? 0 : known->second->bytes;
  }

  // What pop() would take, and whose it is. Not of an empty queue.
  [[nodiscard]] const Item& front() const { return turns_.front().entries.front().item; }
  [[nodiscard]] const std::string& front_lane() const { return turns_.front().name; }

  // Takes the front; the turn goes to the next lane. Not of an empty queue.
  [[nodiscard]] Item pop() {
    Lane& lane = turns_.front();
    Entry entry = std::move(lane.entries.front());
    lane.entries.pop_front();
    lane.bytes -= entry.bytes;
    bytes_ -= entry.bytes;
    --size_;
    if (lane.entries.empty()) {
      lanes_.erase(lane.name);
      turns_.pop_front();
    } else {
      pass();
    }
    return std::move(entry.item);
  }

  // Takes the first item of the lane that equals `item` out of the line, if there is one.
  void erase(const std::string& lane, const Item& item) {
    const auto known = lanes_.find(lane);
    if (known == lanes_.end()) {
      return;
    }
    auto& entries = known->second->entries;
    const auto found = std::ranges::find(entries, item, &Entry::item);
    if (found == entries.end()) {
      return;
    }
    known->second->bytes -= found->bytes;
    bytes_ -= found->bytes;
    --size_;
    entries.erase(found);
    if (entries.empty()) {
      turns_.erase(known->second);
      lanes_.erase(known);
    }
  }

  // The turn goes to the next lane, without an item.
  void pass() { turns_.splice(turns_.end(), turns_, turns_.begin()); }

 private:
  struct Entry {
    Item item;
    std::size_t bytes;
  };
  struct Lane {
    std::string name;
    std::deque<Entry> entries = {};
    std::size_t bytes = 0;
  };

  std::list<Lane> turns_;  // none is empty; the first has the turn
  std::unordered_map<std::string, typename std::list<Lane>::iterator> lanes_;
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace bitvault
