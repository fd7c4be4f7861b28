// A Budget bounds the memory that many holders have together, and what one payer of them has; a
// Charge is one holder's part of it, SharedCharges are those of holders who have the same bytes.
// Who asks for more than is left is refused at once.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace bitvault::http {

// Thread-safe.
class Budget {
 public:
  // `share`: of one payer; the nameless one, "", is bounded by bytes_max alone.
  Budget(std::size_t bytes_max, std::size_t share) : bytes_max_(bytes_max), share_(share) {}

  // Nothing is taken when it is more than what is left.
  [[nodiscard]] bool take(const std::string& payer, std::size_t bytes) {
    const std::scoped_lock lock(mutex_);
    if (bytes_ + bytes > bytes_max_) {
      return false;
    }
    if (!payer.empty()) {
      std::size_t& own = by_payer_[payer];
      if (own + bytes > share_) {
        return false;
      }
      own += bytes;
    }
    bytes_ += bytes;
    return true;
  }
  void give_back(const std::string& payer, std::size_t bytes) {
    const std::scoped_lock lock(mutex_);
    bytes_ -= bytes;
    if (const auto own = by_payer_.find(payer); own != by_payer_.end()) {
      own->second -= bytes;
      if (own->second == 0) {
        by_payer_.erase(own);
      }
    }
  }

  [[nodiscard]] std::size_t bytes() const {
    const std::scoped_lock lock(mutex_);
    return bytes_;
  }

 private:
  const std::size_t bytes_max_;
  const std::size_t share_;
  mutable std::mutex mutex_;
  std::size_t bytes_ = 0;                                  // this and the next: guarded by mutex_
  std::unordered_map<std::string, std::size_t> by_payer_;  // those that have something
};

// Of one thread. What it holds goes back with it.
class Charge {
 public:
  explicit Charge(Budget& budget) : budget_(budget) {}
  ~Charge() { release(); }
  Charge(const Charge&) = delete;
  Charge& operator=(const Charge&) = delete;

  // Who pays for what is taken from now on. It holds nothing yet.
  void pay_for(std::string payer) { payer_ = std::move(payer); }

  // Holds at least that much; false, and unchanged, when the budget has not got it.
  [[nodiscard]] bool raise_to(std::size_t bytes) {
    if (bytes <= bytes_) {
      return true;
    }
    if (!budget_.take(payer_, bytes - bytes_)) {
      return false;
    }
    bytes_ = bytes;
    return true;
  }

  void release() {
    if (bytes_ > 0) {
      budget_.give_back(payer_, std::exchange(bytes_, 0));
    }
    payer_.clear();
  }

 private:
  Budget& budget_;
  std::string payer_;
  std::size_t bytes_ = 0;
};

// Of one thread. Many hold the same bytes: the first one pays for them, and with the last one they
// are given back.
class SharedCharges {
  struct Shared {
    explicit Shared(Budget& budget) : charge(budget) {}

    Charge charge;
    std::size_t holders = 0;
  };
  using ByBytes = std::unordered_map<const void*, Shared>;

 public:
  // One holder's; it goes before the bytes do.
  class Part {
   public:
    Part() = default;
    Part(ByBytes& all, ByBytes::iterator place) : all_(&all), place_(place) {
      ++place_->second.holders;
    }
    Part(Part&& other) noexcept : all_(std::exchange(other.all_, nullptr)), place_(other.place_) {}
    Part& operator=(Part&& other) noexcept {
      std::swap(all_, other.all_);
      std::swap(place_, other.place_);
      return *this;
    }
    ~Part() {
      if (all_ != nullptr && --place_->second.holders == 0) {
        all_->erase(place_);
      }
    }

   private:
    ByBytes* all_ = nullptr;
    ByBytes::iterator place_;
  };

  explicit SharedCharges(Budget& budget) : budget_(budget) {}

  // Nothing when the budget has not got it.
  [[nodiscard]] std::optional<Part> take(const std::string& bytes, std::string payer) {
    const auto [place, is_new] = by_bytes_.try_emplace(&bytes, budget_);
    if (is_new) {
      place->second.charge.pay_for(std::move(payer));
      if (!place->second.charge.raise_to(bytes.capacity())) {
        by_bytes_.erase(place);
        return std::nullopt;
      }
    }
    return Part(by_bytes_, place);
  }

 private:
  Budget& budget_;
  ByBytes by_bytes_;
};

}  // namespace bitvault::http
