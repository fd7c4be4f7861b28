#include "api/page_cache.h"

#include <algorithm>
#include <functional>

namespace bitvault::api {
namespace {

// What a page costs beside its body.
constexpr std::size_t kPageBytes = 1'024;

// Whether a page that was read then is what would be read now.
bool still_right(const PageCache::Page& page, Sequence after, const JournalHead& now) {
  return page.journal.epoch == now.epoch && after.next() >= now.floor &&
         (page.has_more || page.journal.head == now.head);
}

}  // namespace

// A page that has paid for its bytes, which go back with it.
class PageCache::Paid {
 public:
  Paid(http::Budget& budget, const TenantName& tenant, std::size_t bytes, Page&& taken)
      : page(std::move(taken)), budget_(budget), payer_(tenant.str()), bytes_(bytes) {}
  ~Paid() { budget_.give_back(payer_, bytes_); }
  Paid(const Paid&) = delete;
  Paid& operator=(const Paid&) = delete;

  const Page page;

 private:
  http::Budget& budget_;
  const std::string payer_;
  const std::size_t bytes_;
};

std::size_t PageCache::Hash::operator()(const PageKey& key) const {
  std::size_t hash = std::hash<TenantName>{}(key.tenant);
  const auto mix = [&hash](std::size_t more) {
    hash ^= more + 0x9e3779b97f4a7c15 + (hash << 6) + (hash >> 2);
  };
  mix(std::hash<std::string_view>{}(key.after.epoch.str()));
  mix(std::hash<std::uint64_t>{}(key.after.sequence.value));
  mix(key.limit);
  mix(std::hash<std::string_view>{}(key.type));
  return hash;
}

PageCache::Found PageCache::find(const PageKey& key, const JournalHead& now) {
  const std::size_t hash = Hash{}(key);
  Found found;
  std::shared_ptr<const Page> stale;  // goes without the lock
  const std::scoped_lock lock(mutex_);
  if (const auto place = places_.find(key); place != places_.end()) {
    if (still_right(*place->second->page, key.after.sequence, now)) {
      kept_.splice(kept_.begin(), kept_, place->second);
      found.page = place->second->page;
      hits_.fetch_add(1, std::memory_order_relaxed);
      return found;
    }
    stale = std::move(place->second->page);
    kept_.erase(place->second);
    places_.erase(place);
  }
  found.again = std::exchange(asked_[hash % kAskedMax], hash) == hash;
  return found;
}

std::shared_ptr<const PageCache::Page> PageCache::evict(const TenantName& tenant) {
  if (kept_.empty()) {
    return nullptr;
  }
  const auto own = std::find_if(kept_.rbegin(), kept_.rend(),
                                [&](const Kept& kept) { return kept.key.tenant == tenant; });
  const auto oldest = own == kept_.rend() ? std::prev(kept_.end()) : std::prev(own.base());
  std::shared_ptr<const Page> page = std::move(oldest->page);
  places_.erase(oldest->key);
  kept_.erase(oldest);
  return page;
}

std::expected<std::shared_ptr<const PageCache::Page>, PageCache::Page> PageCache::keep(
    const PageKey& key, Page page) {
  const std::size_t bytes = page.body.capacity() + kPageBytes;
  const std::scoped_lock lock(mutex_);
  if (places_.contains(key)) {  // another reader was quicker
    return std::unexpected(std::move(page));
  }
  while (kept_.size() >= kPagesMax || !budget_.take(key.tenant.str(), bytes)) {
    if (evict(key.tenant) == nullptr) {
      return std::unexpected(std::move(page));
    }
  }
  const auto paid = std::make_shared<const Paid>(budget_, key.tenant, bytes, std::move(page));
  kept_.push_front({key, std::shared_ptr<const Page>(paid, &paid->page)});
  places_.emplace(key, kept_.begin());
  return kept_.front().page;
}

http::Response PageCache::answer(const PageKey& key, std::shared_ptr<const Page> page) {
  http::Response response{.status = 200,
                          .content_type = std::string(key.type),
                          .headers = page->headers,
                          .shared_body = page->body};
  response.held = std::move(page);
  return response;
}

}  // namespace bitvault::api
