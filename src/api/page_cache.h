// Pages of the change feed as they were answered, kept while they are asked for: everybody who
// follows a tenant asks for its newest page.
//
// find() gives what reading the journal would give now, and nothing else: a page goes with its
// epoch, when the floor rises into it, and, being the last one, with the next event. A page is kept
// only when it is asked for again, so that who reads a journal through keeps nothing here. The
// bytes of all pages, kept or still on their way to a client, are within the limits; where there is
// no room, a tenant's new page takes the place of its own oldest one, else of the oldest of all,
// and is not kept when that is not enough.
//
// Who may see a page is judged before: it is found by its tenant's name only. Thread-safe. It
// outlives the answers that hold its pages.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "event/cursor.h"
#include "http/budget.h"
#include "http/http.h"
#include "store/tenant.h"

namespace bitvault::api {

// Which page: of an unfiltered feed, in a media type that outlives the cache.
struct PageKey {
  TenantName tenant;
  Position after;
  std::size_t limit;
  std::string_view type;
  bool operator==(const PageKey&) const = default;
};

struct PageCacheLimits {
  std::size_t bytes = 64 * 1024 * 1024;
  std::size_t share = 16 * 1024 * 1024;  // of one tenant
};

class PageCache {
 public:
  static constexpr std::size_t kPagesMax = 1'024;
  static constexpr std::size_t kAskedMax = 4'096;  // what is remembered of questions

  struct Page {
    JournalHead journal;  // as it was for the reading
    bool has_more = false;
    std::size_t events = 0;
    std::size_t looked_at = 0;
    std::vector<std::pair<std::string, std::string>> headers = {};
    std::string body = {};
  };

  struct Found {
    std::shared_ptr<const Page> page;  // null: none
    bool again = false;                // it was asked for before: what is read now is worth keeping
  };

  explicit PageCache(PageCacheLimits limits = {}) : budget_(limits.bytes, limits.share) {}

  // `now` was read by the caller, for this question.
  [[nodiscard]] Found find(const PageKey& key, const JournalHead& now);

  // Gives the page back when there is no room for it.
  [[nodiscard]] std::expected<std::shared_ptr<const Page>, Page> keep(const PageKey& key,
                                                                      Page page);

  // The answer that sends a page's bytes from where they are.
  [[nodiscard]] static http::Response answer(const PageKey& key, std::shared_ptr<const Page> page);

  // Bytes of all pages that live.
  [[nodiscard]] std::size_t bytes() const { return budget_.bytes(); }
  [[nodiscard]] std::uint64_t hits() const { return hits_.load(std::memory_order_relaxed); }

 private:
  class Paid;
  struct Kept {
    PageKey key;
    std::shared_ptr<const Page> page;
  };
  struct Hash {
    std::size_t operator()(const PageKey& key) const;
  };

  // Takes the page that is to go next out of the list; null when there is none.
  [[nodiscard]] std::shared_ptr<const Page> evict(const TenantName& tenant);

  http::Budget budget_;
  std::atomic<std::uint64_t> hits_ = 0;
  std::mutex mutex_;
  std::list<Kept> kept_;  // this and the following: guarded by mutex_; the last used first
  std::unordered_map<PageKey, std::list<Kept>::iterator, Hash> places_;
  std::array<std::size_t, kAskedMax> asked_{};  // hashes of keys
};

}  // namespace bitvault::api
