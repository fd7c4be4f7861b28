#include "http/stream_outlet.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "http/frame_cache.h"

namespace bitvault::http {

StreamOutlet::StreamOutlet(Transport& transport, SessionContext& context, const Stream& stream)
    : transport_(transport), context_(context), stream_(stream) {}

bool StreamOutlet::send(std::span<const std::string_view> pieces,
                        std::shared_ptr<const std::string> owner) {
  check(!rest_, "nothing is sent before what is kept");
  if (broken_) {
    return false;
  }
  const Transport::Moved moved = transport_.write(pieces);
  context_.counters.bytes_sent.add(moved.count);
  switch (moved.state) {
    case Transport::State::kDone:
      return true;
    case Transport::State::kBlocked:
      keep(pieces, moved.count, std::move(owner));
      return false;
    case Transport::State::kEnded:
      cut();
      return false;
  }
}

// Keeps the pieces but for the first `sent` bytes.
void StreamOutlet::keep(std::span<const std::string_view> pieces, std::size_t sent,
                        std::shared_ptr<const std::string> owner) {
  rest_ = std::make_unique<Rest>();
  rest_->owner = std::move(owner);
  while (!pieces.empty() && sent >= pieces.front().size()) {
    sent -= pieces.front().size();
    pieces = pieces.subspan(1);
  }
  rest_->pieces.assign(pieces.begin(), pieces.end());
  rest_->pieces.front().remove_prefix(sent);
  std::size_t size = 0;
  for (const std::string_view piece : rest_->pieces) {
    size += piece.size();
  }
  if (rest_->owner) {
    auto charge = context_.kept.take(*rest_->owner, stream_.payer());
    if (!charge) {
      cut();
      return;
    }
    rest_->charge = std::move(*charge);
  }
  const MonotonicTime now = context_.world.clock().monotonic();
  rest_->progress_until = now + context_.options.write_timeout;
  rest_->all_until = rest_->progress_until +
                     std::chrono::seconds(size / context_.options.write_bytes_per_second_min);
}

void StreamOutlet::send_some() {
  std::vector<std::string_view>& pieces = rest_->pieces;
  const Transport::Moved moved = transport_.write(pieces);
  std::size_t sent = moved.count;
  context_.counters.bytes_sent.add(sent);
  if (moved.state == Transport::State::kEnded) {
    cut();
    return;
  }
  if (sent > 0) {
    rest_->progress_until = context_.world.clock().monotonic() + context_.options.write_timeout;
  }
  const auto left = std::ranges::find_if(pieces, [&](std::string_view piece) {
    const bool is_whole = sent >= piece.size();
    sent -= is_whole ? piece.size() : 0;
    return !is_whole;
  });
  pieces.erase(pieces.begin(), left);
  if (pieces.empty()) {
    rest_.reset();
  } else {
    pieces.front().remove_prefix(sent);
  }
}

Task<bool> StreamOutlet::flushed() {
  bool cancelled = co_await is_cancelled();
  wait_ = Wait::kFlush;
  while (rest_ && !broken_ && !cancelled) {
    const auto [failed] = co_await transport_.writable();
    static_cast<void>(failed);  // a cancelled wait, or send_some() meets it as well
    cancelled = co_await is_cancelled();
    if (!broken_ && !cancelled) {
      send_some();
    }
  }
  wait_ = Wait::kNone;
  rest_.reset();
  co_return !broken_ && !cancelled;
}

Task<bool> StreamOutlet::rest() {
  free_cached_frames();
  return wait_for_rouse();
}

Task<bool> StreamOutlet::wait_for_rouse() {
  bool cancelled = co_await is_cancelled();
  wait_ = Wait::kRest;
  while (!roused_ && !broken_ && !cancelled) {
    const auto [failed] = co_await transport_.readable();
    cancelled = co_await is_cancelled();
    if (!failed && transport_.skip() == Transport::State::kEnded) {
      broken_ = true;
      context_.counters.clients_gone.add();
    }
  }
  wait_ = Wait::kNone;
  roused_ = false;
  co_return !broken_ && !cancelled;
}

void StreamOutlet::rouse() {
  roused_ = true;
  if (wait_ == Wait::kRest) {
    transport_.cancel_waits();
  }
}

void StreamOutlet::tick(MonotonicTime now) {
  if (wait_ == Wait::kFlush && rest_ && (rest_->progress_until <= now || rest_->all_until <= now)) {
    context_.counters.streams_too_slow.add();
    cut();
  }
}

void StreamOutlet::cut() {
  broken_ = true;
  transport_.cancel_waits();
}

}  // namespace bitvault::http
