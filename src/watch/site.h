// For tests: a real folder, a real store and a watcher, with the events that came as lines of text.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/json.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/real_world.h"
#include "store/sqlite/sqlite_store.h"
#include "watch/disk_tree.h"
#include "watch/inotify.h"
#include "watch/switched_source.h"
#include "watch/temporary_folder.h"
#include "watch/watcher.h"
#include "world/task_group.h"

namespace bitvault::watch {

namespace fs = std::filesystem;
namespace json = boost::json;

using Lines = std::vector<std::string>;

inline constexpr Duration kPatience = std::chrono::seconds(60);

inline std::string member(const json::value& object, std::string_view name) {
  return std::string(object.at(name).as_string());
}

inline std::string line_of(const json::value& event) {
  const std::string type = member(event, "type");
  const std::string verb = type.substr(14, type.size() - 17);  // bitvault.node.VERB.v1
  const json::value& data = event.at("data");
  const std::string path = member(data.at("node"), "path");
  return verb == "moved" ? "moved " + member(data.at("before"), "path") + " " + path
                         : verb + " " + path;
}

// A folder, a store and, between start() and stop(), a watcher.
class Site final : public WatchListener {
 public:
  explicit Site(boost::asio::io_context& context) : context_(context), changed_(executor()) {
    fs::create_directory(home());
    SqliteOptions options;
    options.folder = (folder_.path() / "data").string();
    options.writer = writer_.get_executor();
    options.readers = readers_.get_executor();
    auto opened = SqliteStore::open(
        options, world_, [this](const TenantName&, const JournalHead&) { changed_.notify(); });
    EXPECT_TRUE(opened) << opened.error().detail;
    store_ = std::move(*opened);
    limits.quiet = std::chrono::milliseconds(5);
    limits.patience = std::chrono::milliseconds(50);
    limits.root_poll = std::chrono::milliseconds(20);
  }

  [[nodiscard]] Executor executor() const { return context_.get_executor(); }
  [[nodiscard]] fs::path home() const { return folder_.path() / "home"; }
  [[nodiscard]] World& world() { return world_; }
  [[nodiscard]] Store& store() { return *store_; }
  [[nodiscard]] SwitchedSource& source() { return *source_; }
  [[nodiscard]] const TenantName& tenant() const { return tenant_; }

  Task<> create_tenant() {
    const auto put = co_await store_->put_tenant(tenant_, {});
    EXPECT_TRUE(put) << put.error().detail;
  }
  Task<> start() {
    source_ = std::make_unique<SwitchedSource>(make_inotify_source(executor(), home().string()));
    source_->full(full);
    watcher_ = std::make_unique<Watcher>(
        WatchOptions{.tenant = tenant_, .directory = home().string(), .limits = limits},
        WatchServices{.world = world_,
                      .store = *store_,
                      .catalog = Catalog::builtin(),
                      .tree = tree_,
                      .source = *source_,
                      .listener = *this,
                      .strand = executor(),
                      .blocking = files_.get_executor()});
    group_ = std::make_unique<TaskGroup>(executor());
    ended.reset();
    group_->spawn(run());
    co_return;
  }
  Task<> stop() {
    group_->cancel();
    co_await group_->join(world_);
    EXPECT_TRUE(ended.has_value());
    watcher_.reset();
    source_.reset();
  }

  Task<> read() {
    while (true) {
      const Sequence after{events.size()};
      const auto slice = co_await store_->read(tenant_, after, {.events = 1'000});
      EXPECT_TRUE(slice) << slice.error().detail;
      if (!slice || slice->events.empty()) {
        co_return;
      }
      for (const StoredEvent& event : slice->events) {
        events.push_back(json::parse(event.bytes.view()));
        lines.push_back(line_of(events.back()));
      }
    }
  }
  Task<> until_ended() {
    while (!ended) {
      const bool notified = co_await changed_.wait(world_, kPatience);
      EXPECT_TRUE(notified || ended) << "it does not end";
      if (!notified) {
        co_return;
      }
    }
  }
  // Waits until `holds` is true of all lines so far.
  Task<> until(std::string what, std::function<bool(const Site&)> holds) {
    const MonotonicTime latest = world_.clock().monotonic() + kPatience;
    while (true) {
      co_await read();
      if (holds(*this)) {
        co_return;
      }
      if (world_.clock().monotonic() > latest) {
        ADD_FAILURE() << "waited for " << what << "; the last of " << lines.size()
                      << " lines: " << (lines.empty() ? "" : lines.back());
        co_return;
      }
      const bool notified = co_await changed_.wait(world_, std::chrono::seconds(1));
      static_cast<void>(notified);
    }
  }
  // Waits for exactly these lines, in any order if `sorted`, and that nothing else comes.
  Task<> expect(Lines expected, bool sorted = false) {
    const std::size_t from = told_;
    const std::size_t wanted = from + expected.size();
    co_await until(fmt::format("{} lines", wanted),
                   [wanted](const Site& site) { return site.lines.size() >= wanted; });
    co_await mark();
    Lines told(lines.begin() + static_cast<std::ptrdiff_t>(from), lines.end());
    std::erase_if(told, [](const std::string& line) { return line.contains("/mark-"); });
    if (sorted) {
      std::ranges::sort(told);
      std::ranges::sort(expected);
    }
    EXPECT_EQ(told, expected);
    told_ = lines.size();
  }
  // Everything that happened before this was told, or never will be.
  Task<> mark() {
    const std::string name = fmt::format("mark-{}", marks_++);
    write(home() / name, name);
    co_await until(name, [name](const Site& site) {
      return std::ranges::find(site.lines, "created /" + name) != site.lines.end();
    });
    fs::remove(home() / name);
    co_await until(name + " gone", [name](const Site& site) {
      return std::ranges::find(site.lines, "deleted /" + name) != site.lines.end();
    });
  }

  void progress(const WatchProgress& now) override {
    last_progress = now;
    changed_.notify();
  }
  void notice(const WatchNotice& notice) override {
    notices.push_back(notice.kind);
    changed_.notify();
  }
  [[nodiscard]] bool noticed(WatchNotice::Kind kind) const {
    return std::ranges::find(notices, kind) != notices.end();
  }

  WatchLimits limits;
  bool full = false;
  Lines lines;
  std::vector<json::value> events;
  std::vector<WatchNotice::Kind> notices;
  WatchProgress last_progress;
  std::optional<Status> ended;

 private:
  Task<> run() {
    Status status = co_await watcher_->run();
    ended = std::move(status);
    changed_.notify();
  }
  boost::asio::io_context& context_;
  TemporaryFolder folder_;
  RealWorld world_;
  boost::asio::thread_pool writer_{1};
  boost::asio::thread_pool readers_{1};
  boost::asio::thread_pool files_{1};
  Signal changed_;
  std::unique_ptr<SqliteStore> store_;
  DiskTree tree_{home().string()};
  std::unique_ptr<SwitchedSource> source_;
  std::unique_ptr<Watcher> watcher_;
  std::unique_ptr<TaskGroup> group_;
  const TenantName tenant_ = *TenantName::parse("home");
  std::size_t told_ = 0;
  int marks_ = 0;
};

// Runs one test on a site with a tenant.
inline void on_site(Task<> (*test)(Site&)) {
  boost::asio::io_context context(1);
  Site site(context);
  TaskGroup group(context.get_executor());
  const auto all = [](Site& on, Task<> (*body)(Site&)) -> Task<> {
    co_await on.create_tenant();
    co_await body(on);
  };
  group.spawn(all(site, test));
  context.run();
}

}  // namespace bitvault::watch
