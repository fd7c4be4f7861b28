// A client of a stream on a simulated process, and the connection between them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "feed/live_feed.h"
#include "world/signal.h"

namespace bitvault::test {

// A block of a stream as a client sees it.
struct Message {
  std::string id;
  std::string event;
  std::string data;
};

// What has come whole, by the rules of the specification; comments are left out.
inline std::vector<Message> parse(std::string_view text) {
  std::vector<Message> messages;
  while (true) {
    const std::size_t end = text.find("\n\n");
    if (end == std::string_view::npos) {
      return messages;
    }
    Message message;
    std::string_view block = text.substr(0, end + 1);
    text.remove_prefix(end + 2);
    while (!block.empty()) {
      const std::string_view line = block.substr(0, block.find('\n'));
      block.remove_prefix(line.size() + 1);
      for (auto& [name, value] : {std::pair{"id: ", &message.id},
                                  {"event: ", &message.event},
                                  {"data: ", &message.data}}) {
        if (line.starts_with(name)) {
          *value = line.substr(std::string_view(name).size());
        }
      }
    }
    messages.push_back(std::move(message));
  }
}

inline std::uint64_t sequence_of(const std::string& event) {
  constexpr std::string_view kName = "\"sequence\":\"";
  return std::stoull(event.substr(event.find(kName) + kName.size(), 20));
}

// A connection whose client takes at most `room` bytes until it makes room again.
class FakeOutlet final : public http::Outlet {
 public:
  FakeOutlet(World& world, const Executor& executor, std::size_t room)
      : world_(world), room_(room), made_(room), changed_(executor) {}

  bool send(std::span<const std::string_view> pieces,
            std::shared_ptr<const std::string> owner) override {
    EXPECT_TRUE(kept_.empty());
    for (const std::string_view piece : pieces) {
      const std::size_t taken = cut_ ? 0 : std::min(room_, piece.size());
      received += piece.substr(0, taken);
      kept_ += piece.substr(taken);
      room_ -= taken;
    }
    owner_ = std::move(owner);
    return kept_.empty() && !cut_;
  }
  Task<bool> flushed() override {
    while (!kept_.empty() && !cut_) {
      const bool notified = co_await changed_.wait(world_, std::chrono::seconds(10));
      static_cast<void>(notified);
      const std::size_t taken = std::min(room_, kept_.size());
      received += kept_.substr(0, taken);
      kept_.erase(0, taken);
      room_ -= taken;
    }
    co_return !cut_;
  }
  Task<bool> rest() override {
    resting_ = true;
    while (!roused_ && !cut_) {
      const bool notified = co_await changed_.wait(world_, std::chrono::hours(1));
      static_cast<void>(notified);
    }
    resting_ = roused_ = false;
    co_return !cut_;
  }
  void rouse() override {
    roused_ = true;
    changed_.notify();
  }
  void cut() override {
    cut_ = true;
    changed_.notify();
  }

  void make_room() {
    room_ = made_;
    changed_.notify();
  }
  [[nodiscard]] bool resting() const { return resting_; }

  std::string received;

 private:
  World& world_;
  std::size_t room_;
  const std::size_t made_;
  Signal changed_;
  std::string kept_;
  std::shared_ptr<const std::string> owner_;
  bool resting_ = false;
  bool roused_ = false;
  bool cut_ = false;
};

// A client and its connection.
class StreamClient {
 public:
  StreamClient(World& world, const Executor& executor, std::size_t room)
      : world_(world), outlet_(world, executor, room) {}

  // Until the stream ends.
  Task<> listen(LiveFeed& live, StreamQuery query) {
    auto stream = co_await live.open(std::move(query));
    EXPECT_TRUE(stream) << stream.error().detail;
    stream_ = std::move(*stream);
    co_await stream_->run(outlet_);
    stream_.reset();
    ended = true;
  }
  // Makes room and ticks until the stream ends.
  Task<> attend(Duration period) {
    while (!ended) {
      co_await world_.sleep(period);
      outlet_.make_room();
      if (stream_ && outlet_.resting()) {
        stream_->tick(world_.clock().monotonic());
      }
    }
  }

  [[nodiscard]] std::vector<Message> messages() const { return parse(outlet_.received); }
  [[nodiscard]] std::vector<std::uint64_t> sequences() const {
    std::vector<std::uint64_t> found;
    for (const Message& message : messages()) {
      if (message.event.starts_with("bitvault.")) {
        found.push_back(sequence_of(message.data));
      }
    }
    return found;
  }
  // How many events have come, so far as their blocks have begun.
  [[nodiscard]] std::size_t count() {
    constexpr std::string_view kBegin = "\nevent: bitvault.";
    for (std::size_t at = outlet_.received.find(kBegin, counted_to_); at != std::string::npos;
         at = outlet_.received.find(kBegin, counted_to_)) {
      counted_to_ = at + kBegin.size();
      ++counted_;
    }
    return counted_;
  }
  FakeOutlet& outlet() { return outlet_; }

  bool ended = false;

 private:
  World& world_;
  FakeOutlet outlet_;
  std::unique_ptr<http::Stream> stream_;
  std::size_t counted_ = 0;
  std::size_t counted_to_ = 0;
};

}  // namespace bitvault::test
