#include "feed/tail.h"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/check.h"
#include "feed/event_stream_text.h"

namespace bitvault {
namespace {

constexpr Duration kLookAnyway = std::chrono::seconds(30);
constexpr Duration kRetry = std::chrono::seconds(1);

}  // namespace

bool Tail::takes(const Position& position) const {
  return !position_ ||
         (position_->epoch == position.epoch && position_->sequence <= position.sequence);
}

void Tail::join(TailReader& reader, const Position& position) {
  check(takes(position), "a reader joins with everything the tail has passed");
  if (!position_) {
    position_ = position;
  }
  (handing_out_ ? served_ : waiting_).push_back(reader);
  wake_.notify();
}

Task<> Tail::run() {
  const HeadBus::Listening listening(bus_, tenant_, wake_);
  while (users_ > 0) {
    if (waiting_.empty()) {
      position_.reset();
      const bool notified = co_await wake_.wait(world_, kLookAnyway);
      static_cast<void>(notified);
    } else {
      co_await round();
    }
  }
}

// Hands out what there is, or waits for more.
Task<> Tail::round() {
  FeedQuery query{.tenant = tenant_,
                  .cursor = cursors_.seal(tenant_, *position_),
                  .limit = kBatchEventsMax,
                  .filter = {}};
  auto read = co_await feed_.read(std::move(query));
  if (!read && read.error().code == Code::kUnavailable) {
    const bool notified = co_await wake_.wait(world_, kRetry);
    static_cast<void>(notified);
    co_return;
  }
  FeedPage* const page = read ? std::get_if<FeedPage>(&*read) : nullptr;
  if (page == nullptr) {
    throw_out();
    co_return;
  }
  if (page->position == position_) {
    const bool notified = co_await wake_.wait(world_, kLookAnyway);
    static_cast<void>(notified);
    co_return;
  }
  auto batch = render(*page);
  page->events.clear();
  page->memory.shrink_to(batch->text.size());
  position_ = batch->end;
  co_await hand_out(std::move(batch));
}

std::shared_ptr<const TailBatch> Tail::render(const FeedPage& page) const {
  struct Extent {
    std::size_t block;
    std::size_t event;
    std::size_t end;
  };
  auto batch = std::make_shared<TailBatch>(TailBatch{.end = *page.position});
  std::vector<Extent> extents;
  extents.reserve(page.events.size());
  for (const StoredEvent& event : page.events) {
    const std::size_t start = batch->text.size();
    event_stream::append_event(
        batch->text, cursors_.seal(tenant_, {page.position->epoch, event.sequence}), event.bytes);
    const std::size_t end = batch->text.size();
    extents.push_back({start, end - 2 - event.bytes.size(), end});
  }
  const std::size_t rest = batch->text.size();
  if (!page.erased.empty()) {
    event_stream::append_erased(batch->text, page.next_cursor, page.erased);
  }
  const std::size_t advanced = batch->text.size();
  batch->text += event_stream::advanced(page.next_cursor);
  const std::string_view text = batch->text;
  for (std::size_t i = 0; i < extents.size(); ++i) {
    const auto& [block, event, end] = extents[i];
    batch->entries.push_back({page.events[i].sequence, text.substr(event, end - 2 - event),
                              text.substr(block, end - block)});
  }
  batch->rest = text.substr(rest, advanced - rest);
  batch->advanced = text.substr(advanced);
  return batch;
}

Task<> Tail::hand_out(std::shared_ptr<const TailBatch> batch) {
  const Executor executor = co_await boost::asio::this_coro::executor;
  handing_out_ = true;
  while (!waiting_.empty()) {
    const MonotonicTime end = world_.clock().monotonic() + kHandOutTime;
    for (std::size_t i = 0; i < kHandOutStep && !waiting_.empty(); ++i) {
      if (i > 0 && world_.clock().monotonic() >= end) {
        break;
      }
      TailReader& reader = waiting_.front();
      waiting_.pop_front();
      served_.push_back(reader);
      reader.take(batch);
    }
    if (!waiting_.empty()) {
      co_await boost::asio::post(executor, boost::asio::use_awaitable);
    }
  }
  handing_out_ = false;
  waiting_.swap(served_);
}

void Tail::throw_out() {
  position_.reset();
  while (!waiting_.empty()) {
    TailReader& reader = waiting_.front();
    waiting_.pop_front();
    reader.thrown_out();
  }
}

}  // namespace bitvault
