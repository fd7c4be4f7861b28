#include "app/watchers.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

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

class Watchers::One {
 public:
  One(const cli::Watch& watch, const WatchersContext& context)
      : label_(fmt::format("{}={}", watch.tenant.str(), watch.directory.string())),
        tree_(watch.directory.string()),
        source_(watch::make_inotify_source(context.strand, watch.directory.string())),
        listener_(label_),
        watcher_({.tenant = watch.tenant, .directory = watch.directory.string()},
                 {.world = context.world,
                  .store = context.store,
                  .catalog = context.catalog,
                  .tree = tree_,
                  .source = *source_,
                  .listener = listener_,
                  .strand = context.strand,
                  .blocking = context.blocking}) {}

  Task<> run() {
    const Status ended = co_await watcher_.run();
    if (!ended) {
      spdlog::error("watch {} ended: {}", label_, ended.error().detail);
    }
  }

 private:
  const std::string label_;
  watch::DiskTree tree_;
  std::unique_ptr<watch::ChangeSource> source_;
  LogListener listener_;
  watch::Watcher watcher_;
};

Watchers::Watchers() = default;
Watchers::~Watchers() = default;

Task<Status> Watchers::start(const std::vector<cli::Watch>& watches,
                             const WatchersContext& context) {
  for (const cli::Watch& watch : watches) {
    const Result<TenantPut> tenant = co_await context.store.put_tenant(watch.tenant, {});
    if (!tenant) {
      co_return fail(tenant.error().code,
                     fmt::format("--watch {}: {}", watch.tenant.str(), tenant.error().detail));
    }
    watchers_.push_back(std::make_unique<One>(watch, context));
    context.tasks.spawn(watchers_.back()->run());
  }
  co_return Status{};
}

}  // namespace bitvault::app
