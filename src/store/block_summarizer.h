// The BlockSummarizer writes the summaries of blocks of events, behind the commits: a Reconciler's
// work, derived from the store. A summary that is missing costs readers a look at the block,
// nothing else, so nobody waits for it.
//
// A round takes one block of each tenant that has whole ones without a summary, and again until
// none is left or its time is over. It rests after each block as long as that took. One round at a
// time.
#pragma once

#include <optional>
#include <vector>

#include "store/store.h"
#include "world/world.h"

namespace bitvault {

class BlockSummarizer {
 public:
  static constexpr Duration kPeriod = std::chrono::seconds(15);
  static constexpr Duration kRoundMax = std::chrono::seconds(5);
  static constexpr std::size_t kTenantsPerPage = 500;

  BlockSummarizer(World& world, Store& store) : world_(world), store_(store) {}

  struct Outcome {
    bool more = false;                  // another round is wanted at once
    std::optional<Error> trouble = {};  // the first one; what it kept from being done is done later
  };
  [[nodiscard]] Task<Outcome> round();

 private:
  // Where the next block of a tenant begins.
  struct Next {
    TenantName tenant;
    Epoch epoch;
    std::uint64_t block;
    std::uint64_t end;  // behind the last whole block
  };

  [[nodiscard]] static std::optional<Next> next_of(const Upkeep& upkeep);
  [[nodiscard]] Task<Result<std::vector<Next>>> unsummarized();
  [[nodiscard]] Task<Status> summarize(Next next);

  World& world_;
  Store& store_;
};

}  // namespace bitvault
