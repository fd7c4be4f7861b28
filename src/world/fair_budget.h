// A FairBudget is an amount of something (bytes of memory) that many tenants share. Who asks for
// more than is left waits in line; tenants take turns, and none has more than its share.
//
// Thread-safe. It outlives its Parts and every take(); no executor goes while a take() waits on it.
#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/fair_queue.h"
#include "world/signal.h"
#include "world/world.h"

namespace bitvault {

struct FairBudgetLimits {
  std::size_t total;
  std::size_t share;  // of one tenant, at most `total`
};

class FairBudget {
 public:
  // What one holder has; it goes back with it.
  class Part {
   public:
    Part() = default;
    Part(Part&& other) noexcept { swap(other); }
    Part& operator=(Part&& other) noexcept {
      Part(std::move(other)).swap(*this);
      return *this;
    }
    ~Part() { shrink_to(0); }

    [[nodiscard]] std::size_t amount() const { return amount_; }
    // Gives back what is above `amount`.
    void shrink_to(std::size_t amount);

   private:
    friend class FairBudget;
    Part(FairBudget& budget, std::string tenant, std::size_t amount)
        : budget_(&budget), tenant_(std::move(tenant)), amount_(amount) {}
    void swap(Part& other) noexcept;

    FairBudget* budget_ = nullptr;
    std::string tenant_;
    std::size_t amount_ = 0;
  };

  explicit FairBudget(FairBudgetLimits limits) : limits_(limits) {}

  // Waits at most `patience` for `amount`; more than a share counts as a share. Nothing when it did
  // not come, or when the caller is cancelled.
  [[nodiscard]] Task<std::optional<Part>> take(World& world, std::string tenant, std::size_t amount,
                                               Duration patience);

  [[nodiscard]] std::size_t taken() const;
  [[nodiscard]] std::size_t waiting() const;

 private:
  struct Waiter {
    Signal signal;
    std::size_t amount;
    bool granted = false;
  };
  class Place;

  // Called with the mutex held.
  [[nodiscard]] bool fits(const std::string& tenant, std::size_t amount) const;
  void charge(const std::string& tenant, std::size_t amount);
  void give_back(const std::string& tenant, std::size_t amount);

  const FairBudgetLimits limits_;
  mutable std::mutex mutex_;
  std::size_t taken_ = 0;                                  // this and the following: guarded
  std::unordered_map<std::string, std::size_t> taken_by_;  // tenants that have something
  FairQueue<Waiter*> waiting_;
};

}  // namespace bitvault
