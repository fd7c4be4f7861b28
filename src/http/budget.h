// A Budget bounds the memory that many holders have together; a Charge is one holder's part of it.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace bitvault::http {

// Thread-safe.
class Budget {
 public:
  explicit Budget(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // Nothing is taken when it is more than what is left.
  [[nodiscard]] bool take(std::size_t bytes) {
    const std::size_t before = bytes_.fetch_add(bytes, std::memory_order_relaxed);
    if (before + bytes <= bytes_max_) {
      return true;
    }
    give_back(bytes);
    return false;
  }
  void give_back(std::size_t bytes) { bytes_.fetch_sub(bytes, std::memory_order_relaxed); }

  [[nodiscard]] std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  const std::size_t bytes_max_;
  std::atomic<std::size_t> bytes_ = 0;
};

// Of one thread. What it holds goes back with it.
class Charge {
 public:
  explicit Charge(Budget& budget) : budget_(budget) {}
  ~Charge() { release(); }
  Charge(const Charge&) = delete;
  Charge& operator=(const Charge&) = delete;

  // Holds at least that much; false, and unchanged, when the budget has not got it.
  [[nodiscard]] bool raise_to(std::size_t bytes) {
    if (bytes <= bytes_) {
      return true;
    }
    if (!budget_.take(bytes - bytes_)) {
      return false;
    }
    bytes_ = bytes;
    return true;
  }

  void release() {
    if (bytes_ > 0) {
      budget_.give_back(std::exchange(bytes_, 0));
    }
  }

 private:
  Budget& budget_;
  std::size_t bytes_ = 0;
};

}  // namespace bitvault::http
