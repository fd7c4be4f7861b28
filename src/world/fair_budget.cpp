#include "world/fair_budget.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>

namespace bitvault {

// A waiter's place in the line. A coroutine that ends its wait, or is destroyed in it, leaves it.
class FairBudget::Place {
 public:
  Place(FairBudget& budget, const std::string& tenant, Waiter& waiter)
      : budget_(budget), tenant_(tenant), waiter_(waiter) {
    const std::scoped_lock lock(budget_.mutex_);
    if (budget_.waiting_.size_of(tenant_) == 0 && budget_.fits(tenant_, waiter_.amount)) {
      budget_.charge(tenant_, waiter_.amount);
      waiter_.granted = true;
    } else {
      budget_.waiting_.push(tenant_, &waiter_);
    }
  }
  ~Place() {
    const std::scoped_lock lock(budget_.mutex_);
    if (!waiter_.granted) {
      budget_.waiting_.erase(tenant_, &waiter_);
    } else if (!collected_) {
      budget_.give_back(tenant_, waiter_.amount);
    }
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  // What was granted by now.
  [[nodiscard]] std::optional<Part> collect() {
    const std::scoped_lock lock(budget_.mutex_);
    if (!waiter_.granted) {
      return std::nullopt;
    }
    collected_ = true;
    return Part(budget_, tenant_, waiter_.amount);
  }

 private:
  FairBudget& budget_;
  const std::string& tenant_;
  Waiter& waiter_;
  bool collected_ = false;
};

Task<std::optional<FairBudget::Part>> FairBudget::take(World& world, std::string tenant,
                                                       std::size_t amount, Duration patience) {
  const Executor executor = co_await boost::asio::this_coro::executor;
  Waiter waiter{.signal = Signal(executor), .amount = std::min(amount, limits_.share)};
  Place place(*this, tenant, waiter);
  std::optional<Part> part = place.collect();
  if (!part) {
    const bool notified = co_await waiter.signal.wait(world, patience);
    static_cast<void>(notified);
    part = place.collect();
  }
  co_return part;
}

bool FairBudget::fits(const std::string& tenant, std::size_t amount) const {
  const auto own = taken_by_.find(tenant);
  return taken_ + amount <= limits_.total &&
         (own == taken_by_.end() ? 0 : own->second) + amount <= limits_.share;
}

void FairBudget::charge(const std::string& tenant, std::size_t amount) {
  taken_ += amount;
  taken_by_[tenant] += amount;
}

void FairBudget::give_back(const std::string& tenant, std::size_t amount) {
  taken_ -= amount;
  const auto own = taken_by_.find(tenant);
  own->second -= amount;
  if (own->second == 0) {
    taken_by_.erase(own);
  }
  for (std::size_t turns = waiting_.lanes(); turns > 0 && !waiting_.empty();) {
    Waiter& next = *waiting_.front();
    if (!fits(waiting_.front_lane(), next.amount)) {
      waiting_.pass();
      --turns;
      continue;
    }
    charge(waiting_.front_lane(), next.amount);
    static_cast<void>(waiting_.pop());
    next.granted = true;
    next.signal.notify();
    turns = waiting_.lanes();
  }
}

std::size_t FairBudget::taken() const {
  const std::scoped_lock lock(mutex_);
  return taken_;
}

std::size_t FairBudget::waiting() const {
  const std::scoped_lock lock(mutex_);
  return waiting_.size();
}

void FairBudget::Part::shrink_to(std::size_t amount) {
  if (amount >= amount_) {
    return;
  }
  const std::scoped_lock lock(budget_->mutex_);
  budget_->give_back(tenant_, amount_ - amount);
  amount_ = amount;
}

void FairBudget::Part::swap(Part& other) noexcept {
  std::swap(budget_, other.budget_);
  tenant_.swap(other.tenant_);
  std::swap(amount_, other.amount_);
}

}  // namespace bitvault
