#include "feed/live_feed.h"

#include <algorithm>
#include <array>
#include <boost/asio/this_coro.hpp>
#include <utility>
#include <vector>

#include "feed/event_stream_text.h"
#include "feed/lane.h"
#include "feed/tail.h"

namespace bitvault {
namespace {

constexpr std::size_t kPageEvents = 500;
constexpr std::uint64_t kRetryMillisecondsMin = 500;
constexpr std::uint64_t kRetryMillisecondsMax = 3'000;
// Until there may be memory for a page.
constexpr Duration kBusyPause = std::chrono::seconds(1);
// Until its tail has noticed that the history is another one.
constexpr Duration kEpochPause = std::chrono::milliseconds(100);

// Bytes and what keeps them alive.
struct Text {
  explicit Text(std::string text) : owner(std::make_shared<const std::string>(std::move(text))) {}
  [[nodiscard]] std::array<std::string_view, 1> pieces() const { return {*owner}; }

  std::shared_ptr<const std::string> owner;
};

}  // namespace

// Reads by itself until it has caught up with the tail, then is handed what comes. When its client
// does not take a batch at once, it leaves the tail and catches up again afterwards.
class LiveFeed::Stream final : public http::Stream, private TailReader, private Lane::Guest {
 public:
  // It has a seat, and gives it back.
  Stream(LiveFeed& live, StreamQuery query, Position position)
      : live_(live),
        tenant_(std::move(query.tenant)),
        notify_(query.notify),
        filter_(query.filter.matches_all()
                    ? nullptr
                    : std::make_unique<const Selection>(std::move(query.filter))),
        credential_(std::move(query.credential)),
        position_(position),
        told_(position.sequence),
        comment_period_(live.limits_.comment_period -
                        live.limits_.comment_period *
                            static_cast<Duration::rep>(live.world_.random().below(1'000)) / 2'000) {
  }
  ~Stream() override { live_.give_back_seat(tenant_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  Task<> run(http::Outlet& outlet) override {
    const Executor executor = co_await boost::asio::this_coro::executor;
    outlet_ = &outlet;
    Lane::Stay stay(live_.lane(executor), tenant_, credential_, *this);
    matcher_ = &stay.matcher();
    std::string().swap(credential_);
    const std::uint64_t delay =
        kRetryMillisecondsMin +
        live_.world_.random().below(kRetryMillisecondsMax - kRetryMillisecondsMin);
    bool open = co_await say(event_stream::retry(std::chrono::milliseconds(delay)));
    while (open) {
      open = co_await catch_up(stay.tail());
      if (open) {
        stay.tail().join(*this, position_);
        spoke_ = true;
        open = co_await outlet.rest();
        TailReader::leave();
      }
      if (open) {
        open = co_await outlet.flushed();
      }
    }
  }

  [[nodiscard]] std::string payer() const override { return tenant_.str(); }

  // Something is sent each period, so that proxies and the client see that the stream is alive.
  void tick(MonotonicTime now) override {
    if (std::exchange(spoke_, false)) {
      silent_until_ = now + comment_period_;
    }
    if (pausing_ && now >= paused_until_) {
      outlet_->rouse();
    }
    if ((!joined() && !pausing_) || now < silent_until_) {
      return;
    }
    silent_until_ = now + comment_period_;
    if (told_ == position_.sequence || notify_) {
      send({event_stream::kComment}, nullptr);
      return;
    }
    const Text text(event_stream::bookmark(cursor()));
    told_ = position_.sequence;
    send({*text.owner}, text.owner);
  }

 private:
  enum class Outcome : std::uint8_t { kAtHead, kMore, kBusy, kEnded };

  void take(const std::shared_ptr<const TailBatch>& batch) override {
    if (batch->end.sequence <= position_.sequence) {
      return;
    }
    const Wanted part = wanted(*batch);
    position_ = batch->end;
    if (part.pieces.empty()) {
      return;
    }
    spoke_ = true;
    told_ = part.told;
    send(part.pieces, {batch, &batch->text});
  }

  void thrown_out() override { outlet_->rouse(); }
  void turn_out() override { outlet_->cut(); }

  // The parts of a batch that this stream is sent; neighbours are one.
  struct Wanted {
    std::vector<std::string_view> pieces = {};
    Sequence told = {};  // of the last id among them
  };
  [[nodiscard]] Wanted wanted(const TailBatch& batch) const {
    Wanted part{.told = batch.end.sequence};
    std::vector<std::string_view>& pieces = part.pieces;
    const auto add = [&](std::string_view piece) {
      if (!pieces.empty() && pieces.back().data() + pieces.back().size() == piece.data()) {
        pieces.back() = {pieces.back().data(), pieces.back().size() + piece.size()};
      } else if (!piece.empty()) {
        pieces.push_back(piece);
      }
    };
    for (const TailBatch::Entry& entry : batch.entries) {
      if (entry.sequence > position_.sequence &&
          (!filter_ || filter_->matches(*matcher_, entry.event))) {
        add(entry.block);
        part.told = entry.sequence;
      }
    }
    if (notify_ && !pieces.empty()) {
      pieces.assign(1, batch.advanced);
    }
    if (!notify_) {
      add(batch.rest);
    }
    if (notify_ || !batch.rest.empty()) {
      part.told = batch.end.sequence;
    }
    return part;
  }

  // True when it has read what there was and may join the tail.
  [[nodiscard]] Task<bool> catch_up(Tail& tail) {
    bool open = true;
    bool behind = !judged_ || !tail.is_at(position_);
    while (open && behind) {
      auto step = notify_ ? skip_to_head() : read_on();
      const Outcome outcome = co_await std::move(step);
      judged_ = true;
      open = outcome != Outcome::kEnded;
      const bool busy = outcome == Outcome::kBusy;
      behind = busy || outcome == Outcome::kMore || !tail.takes(position_);
      Duration owed = co_await charge();
      owed = std::max(owed, busy ? kBusyPause : Duration{0});
      if (behind && outcome == Outcome::kAtHead && tail.is_in_another_epoch(position_)) {
        tail.look_again();
        owed = std::max(owed, kEpochPause);
      }
      if (open && behind && owed > Duration{0}) {
        open = co_await pause(owed);
      }
    }
    co_return open;
  }

  // Tells what it has looked at, and how long it may look at no more.
  [[nodiscard]] Task<Duration> charge() {
    Duration owed{0};
    if (const std::uint32_t count = std::exchange(looked_at_, 0); count > 0 && live_.charge_) {
      auto told = live_.charge_(tenant_, count);
      owed = co_await std::move(told);
    }
    co_return owed;
  }

  // It is ticked meanwhile.
  [[nodiscard]] Task<bool> pause(Duration wait) {
    paused_until_ = live_.world_.clock().monotonic() + wait;
    pausing_ = true;
    bool open = true;
    while (open && live_.world_.clock().monotonic() < paused_until_) {
      open = co_await outlet_->rest();
      if (open) {
        open = co_await outlet_->flushed();
      }
    }
    pausing_ = false;
    co_return open;
  }

  [[nodiscard]] Task<Outcome> read_on() {
    FeedQuery query{.tenant = tenant_,
                    .cursor = cursor(),
                    .limit = kPageEvents,
                    .filter = filter_ ? *filter_ : Selection()};
    auto read = co_await live_.feed_.read(std::move(query));
    if (!read) {
      co_return read.error().code == Code::kUnavailable ? Outcome::kBusy : Outcome::kEnded;
    }
    if (const auto* reset = std::get_if<CursorReset>(&*read)) {
      const bool said = co_await say(event_stream::reset(*reset));
      static_cast<void>(said);
      co_return Outcome::kEnded;
    }
    FeedPage& page = std::get<FeedPage>(*read);
    looked_at_ += static_cast<std::uint32_t>(page.looked_at);
    if (page.position == position_) {
      co_return Outcome::kAtHead;
    }
    position_ = *page.position;
    const bool open = co_await say(render(page));
    co_return !open ? Outcome::kEnded : page.has_more ? Outcome::kMore : Outcome::kAtHead;
  }

  [[nodiscard]] Task<Outcome> skip_to_head() {
    const Result<std::string> latest = co_await live_.feed_.latest(tenant_);
    const auto head =
        latest ? live_.cursors_.open(tenant_, *latest) : Result<Position>(fail(latest.error()));
    if (!head) {
      co_return Outcome::kEnded;
    }
    position_ = *head;
    const bool open = co_await say(event_stream::advanced(*latest));
    co_return open ? Outcome::kAtHead : Outcome::kEnded;
  }

  // The page as text; the page's own events go.
  [[nodiscard]] std::string render(FeedPage& page) {
    std::string text;
    for (const StoredEvent& event : page.events) {
      event_stream::append_event(
          text, live_.cursors_.seal(tenant_, {position_.epoch, event.sequence}), event.bytes);
    }
    if (!page.erased.empty()) {
      event_stream::append_erased(text, page.next_cursor, page.erased);
    } else if (page.events.empty() || page.events.back().sequence != position_.sequence) {
      text += event_stream::bookmark(page.next_cursor);
    }
    page.events.clear();
    page.memory.shrink_to(text.size());
    told_ = position_.sequence;
    return text;
  }

  [[nodiscard]] Task<bool> say(std::string words) {
    const Text text(std::move(words));
    bool open = outlet_->send(text.pieces(), text.owner);
    if (!open) {
      open = co_await outlet_->flushed();
    }
    co_return open;
  }

  // While it has joined: what is not taken at once makes it leave.
  void send(std::span<const std::string_view> pieces, std::shared_ptr<const std::string> owner) {
    if (!outlet_->send(pieces, std::move(owner))) {
      TailReader::leave();
      outlet_->rouse();
    }
  }
  void send(std::initializer_list<std::string_view> pieces,
            std::shared_ptr<const std::string> owner) {
    send(std::span(pieces.begin(), pieces.size()), std::move(owner));
  }

  [[nodiscard]] std::string cursor() const { return live_.cursors_.seal(tenant_, position_); }

  LiveFeed& live_;
  const TenantName tenant_;
  const bool notify_;
  const std::unique_ptr<const Selection> filter_;  // none: everything
  std::string credential_;                         // until it runs
  Position position_;  // everything up to here was sent, or does not match
  Sequence told_;      // of the last id that the client was sent
  const Duration comment_period_;
  MonotonicTime silent_until_{};
  MonotonicTime paused_until_{};
  std::uint32_t looked_at_ = 0;  // and not charged
  bool pausing_ = false;
  bool spoke_ = false;   // since the last tick
  bool judged_ = false;  // its position was one to go on from
  http::Outlet* outlet_ = nullptr;
  Matcher* matcher_ = nullptr;  // of its thread
};

LiveFeed::LiveFeed(World& world, Feed& feed, HeadBus& bus, const CursorCodec& cursors,
                   StillAllowed still_allowed, Charge charge, LiveLimits limits)
    : world_(world),
      feed_(feed),
      bus_(bus),
      cursors_(cursors),
      still_allowed_(std::move(still_allowed)),
      charge_(std::move(charge)),
      limits_(limits) {}

LiveFeed::~LiveFeed() = default;

Task<Result<std::unique_ptr<http::Stream>>> LiveFeed::open(StreamQuery query) {
  auto find_start = query.notify ? feed_.latest(query.tenant) : feed_.earliest(query.tenant);
  Result<std::string> start = co_await std::move(find_start);
  if (start && query.cursor) {
    start = *query.cursor;
  }
  if (!start) {
    co_return fail(std::move(start.error()));
  }
  const Result<Position> position = cursors_.open(query.tenant, *start);
  if (!position) {
    co_return fail(position.error());
  }
  if (!take_seat(query.tenant)) {
    co_return fail(Code::kRateLimited, "the tenant has too many streams open; close some");
  }
  co_return std::make_unique<Stream>(*this, std::move(query), *position);
}

bool LiveFeed::take_seat(const TenantName& tenant) {
  const std::scoped_lock lock(mutex_);
  std::size_t& taken = seats_[tenant];
  if (taken >= limits_.streams_max) {
    return false;
  }
  ++taken;
  return true;
}

void LiveFeed::give_back_seat(const TenantName& tenant) {
  const std::scoped_lock lock(mutex_);
  const auto taken = seats_.find(tenant);
  if (--taken->second == 0) {
    seats_.erase(taken);
  }
}

std::size_t LiveFeed::streams() const {
  const std::scoped_lock lock(mutex_);
  std::size_t count = 0;
  for (const auto& [tenant, taken] : seats_) {
    count += taken;
  }
  return count;
}

LiveFeed::Lane& LiveFeed::lane(const Executor& executor) {
  const std::scoped_lock lock(mutex_);
  auto& lane = lanes_[&executor.context()];
  if (!lane) {
    lane = std::make_unique<Lane>(*this, executor);
  }
  return *lane;
}

}  // namespace bitvault
