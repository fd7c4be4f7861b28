// The watcher in a simulated universe: a tree that changes between any two looks at it, a store
// that refuses and forgets to answer, crashes and losses of power. In the end the events have told
// each change once.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <deque>

#include "store/sqlite/sqlite_store.h"
#include "tests/sim/scheduler.h"
#include "tests/sim/seeds.h"
#include "tests/sim/sim_world.h"
#include "tests/store/faulty_store.h"
#include "tests/store/memory_vfs.h"
#include "watch/fake_tree.h"
#include "watch/mirror.h"
#include "watch/watcher.h"
#include "world/task_group.h"

namespace bitvault::watch {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
namespace json = boost::json;

const TenantName kTenant = *TenantName::parse("home");

// As inotify: it tells of the folders that it watches, and forgets when too much is to be told.
class FakeSource final : public ChangeSource {
 public:
  FakeSource(FakeTree& tree, sim::SimWorld& world, std::size_t queue_max)
      : tree_(tree), world_(world), queue_max_(queue_max), changed_(world.executor()) {
    tree_.on_change = [this](const Identity& folder) { hear(folder); };
  }
  FakeSource(const FakeSource&) = delete;
  FakeSource& operator=(const FakeSource&) = delete;
  ~FakeSource() override {
    tree_.on_change = [](const Identity&) {};
  }

  std::expected<WatchId, WatchError> watch(const std::string& path) override {
    const auto folder = tree_.identity(path);
    if (!folder) {
      return std::unexpected(WatchError::kGone);
    }
    const auto [found, added] = watched_.try_emplace(*folder, WatchId{next_});
    next_ += added ? 1 : 0;
    return found->second;
  }
  void unwatch(WatchId id) override {
    std::erase_if(watched_, [id](const auto& each) { return each.second == id; });
  }
  Task<Changes> next() override {
    while (queue_.empty() && !overflow_) {
      const bool notified = co_await changed_.wait(world_, std::chrono::hours(1));
      static_cast<void>(notified);
      const bool cancelled = co_await is_cancelled();
      if (cancelled) {
        co_return Changes{};
      }
    }
    Changes changes{.folders = {queue_.begin(), queue_.end()}, .everything = overflow_};
    queue_.clear();
    overflow_ = false;
    co_return changes;
  }

 private:
  void hear(const Identity& folder) {
    const auto found = watched_.find(folder);
    if (found == watched_.end()) {
      return;
    }
    if (queue_.size() >= queue_max_) {
      overflow_ = true;
    } else {
      queue_.push_back(found->second);
    }
    changed_.notify();
  }

  FakeTree& tree_;
  sim::SimWorld& world_;
  const std::size_t queue_max_;
  Signal changed_;
  std::map<Identity, WatchId> watched_;
  int next_ = 1;
  std::deque<WatchId> queue_;
  bool overflow_ = false;
};

class Deaf final : public WatchListener {
 public:
  void progress(const WatchProgress& progress) override { last = progress; }
  void notice(const WatchNotice& /*notice*/) override {}
  WatchProgress last;
};

// One life of the process: a store that it opens on the disk, and the watcher.
class Process {
 public:
  Process(sim::Scheduler& scheduler, const sim::SimClock& clock, test::MemoryVfs& disk,
          FakeTree& tree, test::FaultyStore::Decide decide, std::size_t queue_max,
          std::size_t path_bytes_max)
      : limits_{.batch_events_max = 4, .path_bytes_max = path_bytes_max},
        world_(scheduler, clock),
        group_(world_.executor()),
        source_(tree, world_, queue_max),
        tree_(tree) {
    SqliteOptions options;
    options.folder = "data";
    options.writer = world_.executor();
    options.readers = world_.executor();
    options.vfs = disk.name();
    auto opened = SqliteStore::open(options, world_, [](const TenantName&, const JournalHead&) {});
    EXPECT_TRUE(opened) << opened.error().detail;
    store_ = std::move(*opened);
    faulty_.emplace(*store_, world_, std::move(decide));
  }
  ~Process() { world_.kill(); }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void start() { group_.spawn(run()); }
  void stop() { group_.cancel(); }
  [[nodiscard]] bool ended() const { return group_.size() == 0; }
  void spawn(Task<> task) { group_.spawn(std::move(task)); }
  [[nodiscard]] Store& store() { return *store_; }
  [[nodiscard]] const WatchProgress& progress() const { return listener_.last; }

 private:
  Task<> run() {
    // As the server does; a store that refuses now is asked again.
    for (bool there = false; !there;) {
      const auto put = co_await faulty_->put_tenant(kTenant, {});
      there = put.has_value();
      const bool cancelled = co_await is_cancelled();
      if (cancelled) {
        co_return;
      }
    }
    // A watcher refuses to begin while the directory is not there.
    for (bool began = false; !began;) {
      make_watcher();
      const Status ended = co_await watcher_->run();
      const bool later = !ended && (ended.error().code == Code::kInvalid ||
                                    ended.error().code == Code::kUnavailable);
      began = !later;
      EXPECT_TRUE(ended || !began) << ended.error().detail;
      co_await world_.sleep(milliseconds(100));
    }
  }
  void make_watcher() {
    watcher_ = std::make_unique<Watcher>(
        WatchOptions{.tenant = kTenant, .directory = "home", .limits = limits_},
        WatchServices{.world = world_,
                      .store = *faulty_,
                      .catalog = Catalog::builtin(),
                      .tree = tree_,
                      .source = source_,
                      .listener = listener_,
                      .strand = world_.executor(),
                      .blocking = world_.executor()});
  }

  const WatchLimits limits_;
  // The world is killed first and goes last.
  sim::SimWorld world_;
  TaskGroup group_;  // what waits for the store ends with the store
  FakeSource source_;
  Deaf listener_;
  std::unique_ptr<SqliteStore> store_;
  std::optional<test::FaultyStore> faulty_;
  std::unique_ptr<Watcher> watcher_;
  FakeTree& tree_;
};

std::optional<std::string> text_of(const json::value& object, std::string_view name) {
  const auto* const found = object.as_object().if_contains(name);
  return found == nullptr ? std::nullopt : std::optional(std::string(found->as_string()));
}

// What a consumer of the feed sees.
void tell(Mirror& mirror, std::string_view bytes) {
  const json::value event = json::parse(bytes);
  const json::value& node = event.at("data").at("node");
  const std::string type = *text_of(event, "type");
  const auto kind = type == "bitvault.node.created.v1"   ? Change::Kind::kCreated
                    : type == "bitvault.node.updated.v1" ? Change::Kind::kUpdated
                    : type == "bitvault.node.moved.v1"   ? Change::Kind::kMoved
                                                         : Change::Kind::kDeleted;
  NodeView view{.id = *text_of(node, "id"),
                .kind = *text_of(node, "kind") == "NODE_KIND_FOLDER" ? Kind::kFolder : Kind::kFile,
                .name = *text_of(node, "name"),
                .path = *text_of(node, "path"),
                .parent_id = text_of(node, "parentId"),
                .file = {},
                .version = static_cast<std::uint32_t>(std::stoul(*text_of(node, "version")))};
  if (const auto checksum = text_of(node, "checksum")) {
    Digest digest{};
    for (std::size_t i = 0; i < digest.size(); ++i) {
      digest[i] = static_cast<std::byte>(std::stoul(checksum->substr(7 + 2 * i, 2), nullptr, 16));
    }
    view.file.checksum = digest;
  }
  const json::value* const before = event.at("data").as_object().if_contains("before");
  const bool moved = kind == Change::Kind::kMoved;
  mirror.take(kind, view, moved ? *text_of(*before, "path") : "");
}

Task<> read_all(Store& store, Mirror& mirror, std::size_t& count) {
  while (true) {
    const auto slice = co_await store.read(kTenant, Sequence{count}, {.events = 1'000});
    EXPECT_TRUE(slice) << slice.error().detail;
    if (!slice || slice->events.empty()) {
      co_return;
    }
    for (const StoredEvent& event : slice->events) {
      ++count;
      EXPECT_EQ(event.sequence.value, count);
      tell(mirror, event.bytes);
    }
  }
}

class Universe {
 public:
  explicit Universe(std::uint64_t seed)
      : dice_(seed),
        scheduler_({.seed = seed, .job_cost_max = Duration(500)}),
        clock_(scheduler_, {}),
        disk_(seed) {
    if (dice_.below(2) == 0) {
      tree_.reuse_inodes();
    }
    change_per_mille_ = static_cast<unsigned>(dice_.below(2) * dice_.below(30));
    trouble_per_mille_ = static_cast<unsigned>(dice_.below(2) * dice_.below(200));
    fault_per_mille_ = static_cast<unsigned>(dice_.below(2) * dice_.below(300));
    if (dice_.below(2) == 0) {
      path_bytes_max_ = dice_.between(3, 12);  // each name takes 3
    }
    queue_max_ = dice_.below(3) == 0 ? dice_.between(1, 8) : 1'000;
    tree_.before_look = [this] {
      if (starve_in_ > 0 && --starve_in_ == 0) {
        tree_.starve(true);
      }
      if (tree_.root() && dice_.chance(change_per_mille_)) {
        do_something(tree_, dice_);
      }
    };
  }

  void live() {
    for (std::uint64_t lives = dice_.between(1, 5); lives > 0; --lives) {
      one_life();
      disk_.crash(static_cast<test::MemoryVfs::Unsynced>(dice_.below(3)));
      for (std::uint64_t i = dice_.below(8); i > 0; --i) {
        do_something(tree_, dice_);  // while it is down
      }
    }
  }

  // Everything works: what was told must become what is.
  void heal() {
    change_per_mille_ = 0;
    fault_per_mille_ = 0;
    trouble_per_mille_ = 0;
    tree_.settle();
    std::size_t count = 0;
    Mirror mirror;
    {
      Process process(
          scheduler_, clock_, disk_, tree_, [this](auto...) { return fault(); }, queue_max_,
          path_bytes_max_);
      process.start();
      EXPECT_TRUE(scheduler_.run_for(seconds(5)));
      use(10);  // it still follows
      EXPECT_TRUE(scheduler_.run_for(seconds(60)));
      EXPECT_EQ(process.progress().nodes, tree_.all().size());
      process.stop();
      EXPECT_TRUE(scheduler_.run_until([&] { return process.ended(); })) << "it does not end";
    }
    Process reader(
        scheduler_, clock_, disk_, tree_, [](auto...) { return Fault{}; }, 1, kPathBytesMax);
    reader.spawn(read_all(reader.store(), mirror, count));
    EXPECT_TRUE(scheduler_.run_until([&] { return reader.ended(); }));
    EXPECT_EQ(mirror.all(), fitting(paths_of(tree_), path_bytes_max_));
  }

 private:
  using Fault = test::FaultyStore::Fault;

  Fault fault() {
    Fault fault{.delay = milliseconds(dice_.below(5))};
    if (dice_.chance(fault_per_mille_)) {
      fault.kind = dice_.below(2) == 0 ? Fault::Kind::kBefore : Fault::Kind::kAfter;
    }
    return fault;
  }
  // It ends in good order or, mostly, in the middle of something.
  void one_life() {
    Process process(
        scheduler_, clock_, disk_, tree_, [this](auto...) { return fault(); }, queue_max_,
        path_bytes_max_);
    process.start();
    use(dice_.below(20));
    if (dice_.below(3) == 0) {
      process.stop();
      EXPECT_TRUE(scheduler_.run_until([&] { return process.ended(); })) << "it does not end";
    }
  }
  // The disk is away for a while, nothing can be looked at for a while, a folder cannot be read for
  // a while, a file does not rest.
  void make_trouble() {
    if (dice_.below(4) == 0) {
      starve_in_ = dice_.between(1, 10);
      do_something(tree_, dice_);
      EXPECT_TRUE(scheduler_.run_for(milliseconds(dice_.below(3'000))));
      starve_in_ = 0;
      tree_.starve(false);
      return;
    }
    const auto all = tree_.all();
    if (all.empty() || dice_.below(3) == 0) {
      tree_.unmount();
      EXPECT_TRUE(scheduler_.run_for(milliseconds(dice_.below(3'000))));
      tree_.mount();
      return;
    }
    const auto chosen =
        std::next(all.begin(), static_cast<std::ptrdiff_t>(dice_.below(all.size())));
    const std::string& path = chosen->first;
    if (path.ends_with('/')) {
      const std::string folder = path.substr(0, path.size() - 1);
      tree_.forbid(folder);
      EXPECT_TRUE(scheduler_.run_for(milliseconds(dice_.below(500))));
      tree_.allow(folder);
    } else {
      tree_.keep_changing(path, static_cast<int>(dice_.between(1, 10)));
    }
  }
  void use(std::uint64_t times) {
    for (; times > 0; --times) {
      for (std::uint64_t i = dice_.below(6); i > 0; --i) {
        do_something(tree_, dice_);
      }
      if (dice_.chance(trouble_per_mille_)) {
        make_trouble();
      }
      EXPECT_TRUE(scheduler_.run_for(milliseconds(dice_.below(300))));
    }
  }

  sim::Dice dice_;
  sim::Scheduler scheduler_;
  sim::SimClock clock_;
  test::MemoryVfs disk_;
  FakeTree tree_;
  unsigned change_per_mille_ = 0;
  unsigned fault_per_mille_ = 0;
  unsigned trouble_per_mille_ = 0;
  std::size_t queue_max_ = 0;
  std::size_t path_bytes_max_ = kPathBytesMax;
  std::uint64_t starve_in_ = 0;  // so many looks; 0: not
};

TEST(WatcherSim, TellsEachChangeOnce) {
  sim::for_seeds(60, [](std::uint64_t seed) {
    Universe universe(seed);
    universe.live();
    if (!testing::Test::HasFailure()) {
      universe.heal();
    }
  });
}

}  // namespace
}  // namespace bitvault::watch
