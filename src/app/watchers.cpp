#include "app/watchers.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include "watch/disk_tree.h"
#include "watch/inotify.h"
#include "watch/watcher.h"

namespace bitvault::app {
namespace {

// Tells the log how a watcher gets on: the first comparison, and whatever takes long after it.
class LogListener final : public watch::WatchListener {
 public:
  explicit LogListener(std::string label) : label_(std::move(label)) {}

  void progress(const watch::WatchProgress& progress) override {
    if (progress.comparing && progress.entries_seen < told_entries_ + kEntriesBetween) {
      return;
    }
    if (!progress.comparing && !owes_end_) {
      return;
    }
    spdlog::info("watch {}: {} entries compared, {} nodes, {} events{}", label_,
                 progress.entries_seen, progress.nodes, progress.events_committed,
                 progress.comparing ? "" : "; waiting for changes");
    told_entries_ = progress.entries_seen;
    owes_end_ = progress.comparing;
  }
  void notice(const watch::WatchNotice& notice) override {
    if (notice.kind == watch::WatchNotice::Kind::kRootBack) {
      spdlog::info("watch {}: {}", label_, notice.text);
    } else {
      spdlog::warn("watch {}: {}", label_, notice.text);
    }
  }

 private:
  static constexpr std::uint64_t kEntriesBetween = 1'000;

  const std::string label_;
  std::uint64_t told_entries_ = 0;
  bool owes_end_ = true;
};

}  // namespace

// One directory. A watcher that ends with an error (its tenant was deleted, the directory holds too
// much) is tried again from the beginning: it finds out by itself what it has told already.
class Watchers::One {
 public:
  One(const cli::Watch& watch, const WatchersContext& context, bool tenant_is_there)
      : tenant_(watch.tenant),
        directory_(watch.directory.string()),
        label_(fmt::format("{}={}", tenant_.str(), directory_)),
        context_(context),
        tenant_is_there_(tenant_is_there),
        tree_(directory_),
        listener_(label_) {}

  Task<> run() {
    while (true) {
      const Status ended = co_await watch();
      // A watcher closes the coroutine's ears while it winds up.
      co_await boost::asio::this_coro::reset_cancellation_state(
          boost::asio::enable_total_cancellation());
      if (ended || context_.tasks.cancelled()) {
        co_return;
      }
      if (ended.error().detail != told_) {
        told_ = ended.error().detail;
        spdlog::error("watch {} ended: {}; it is tried again each {} s", label_, told_,
                      std::chrono::floor<std::chrono::seconds>(kRetryEvery).count());
      }
      co_await context_.world.sleep(kRetryEvery);
      const bool cancelled = co_await is_cancelled();
      if (cancelled) {
        co_return;
      }
    }
  }

 private:
  static constexpr Duration kRetryEvery = std::chrono::seconds(5);

  Task<Status> watch() {
    if (!tenant_is_there_) {
      const Result<TenantPut> tenant = co_await context_.store.put_tenant(tenant_, {});
      if (!tenant) {
        co_return fail(tenant.error());
      }
      tenant_is_there_ = true;
    }
    const auto source = watch::make_inotify_source(context_.strand, directory_);
    watch::Watcher watcher({.tenant = tenant_, .directory = directory_},
                           {.world = context_.world,
                            .store = context_.store,
                            .catalog = context_.catalog,
                            .tree = tree_,
                            .source = *source,
                            .listener = listener_,
                            .strand = context_.strand,
                            .blocking = context_.blocking});
    Status ended = co_await watcher.run();
    co_return ended;
  }

  const TenantName tenant_;
  const std::string directory_;
  const std::string label_;
  const WatchersContext context_;
  bool tenant_is_there_;  // a tenant that is deleted later is not made again
  watch::DiskTree tree_;
  LogListener listener_;
  std::string told_;
};

Watchers::Watchers() = default;
Watchers::~Watchers() = default;

Task<Status> Watchers::start(const std::vector<cli::Watch>& watches,
                             const WatchersContext& context) {
  for (const cli::Watch& watch : watches) {
    const Result<TenantPut> tenant = co_await context.store.put_tenant(watch.tenant, {});
    // A deletion that an earlier process began ends soon; then the tenant is made.
    const bool deleting = !tenant && tenant.error().code == Code::kTenantDeleting;
    if (!tenant && !deleting) {
      co_return fail(tenant.error().code,
                     fmt::format("--watch {}: {}", watch.tenant.str(), tenant.error().detail));
    }
    watchers_.push_back(std::make_unique<One>(watch, context, !deleting));
    context.tasks.spawn(watchers_.back()->run());
  }
  co_return Status{};
}

}  // namespace bitvault::app
