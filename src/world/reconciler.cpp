#include "world/reconciler.h"

namespace bitvault {

Reconciler::Reconciler(World& world, const Executor& executor, Duration period, Round round)
    : world_(world), period_(period), round_(std::move(round)), signal_(executor) {}

Task<> Reconciler::run() {
  while (true) {
    const bool cancelled = co_await is_cancelled();
    if (cancelled) {
      co_return;
    }
    const bool more = co_await round_();
    if (!more) {
      const bool notified = co_await signal_.wait(world_, period_);
      static_cast<void>(notified);
    }
  }
}

}  // namespace bitvault
