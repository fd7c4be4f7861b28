#include "cli/bench_load.h"

#include <algorithm>

namespace bitvault::cli {

void Unseen::expect(std::uint64_t first, std::uint64_t count, MonotonicTime due) {
  for (std::uint64_t number = first; number < first + count; ++number) {
    due_[number] = due;
  }
}

void Unseen::forget(std::uint64_t first, std::uint64_t count) {
  for (std::uint64_t number = first; number < first + count; ++number) {
    due_.erase(number);
  }
}

std::optional<MonotonicTime> Unseen::take(std::uint64_t number) {
  const auto found = due_.find(number);
  if (found == due_.end()) {
    return std::nullopt;
  }
  const MonotonicTime due = found->second;
  due_.erase(found);
  return due;
}

PublishLoad::PublishLoad(const BenchPlan& plan, std::string path, const BenchEvents& events,
                         Unseen* unseen)
    : batch_(plan.batch),
      path_(std::move(path)),
      events_(events),
      unseen_(unseen),
      requests_(plan.connections) {}

Call PublishLoad::next(std::size_t line, MonotonicTime due) {
  Request& request = requests_.at(line);
  request = {.first = next_, .body = events_.lines(next_, batch_)};
  next_ += batch_;
  if (unseen_ != nullptr) {
    unseen_->expect(request.first, batch_, due);
  }
  return {.method = "POST",
          .path = path_,
          .body = request.body,
          .content_type = batch_ == 1 ? "application/cloudevents+json" : "application/x-ndjson"};
}

bool PublishLoad::answered(std::size_t line, const net::HttpAnswer& answer, BenchTally& tally) {
  if (answer.status != 201) {
    failed(line);
    return false;
  }
  tally.events += batch_;
  tally.bytes += requests_.at(line).body.size();
  return true;
}

void PublishLoad::failed(std::size_t line) {
  if (unseen_ != nullptr) {
    unseen_->forget(requests_.at(line).first, batch_);
  }
}

FeedLoad::FeedLoad(const BenchPlan& plan, std::string path)
    : batch_(plan.batch), path_(std::move(path)), cursors_(plan.connections) {}

Call FeedLoad::next(std::size_t line, MonotonicTime /*due*/) {
  Call call{.path = path_, .query = {{"limit", std::to_string(batch_)}}};
  if (const std::string& cursor = cursors_.at(line); !cursor.empty()) {
    call.query.emplace_back("cursor", cursor);
  }
  return call;
}

bool FeedLoad::answered(std::size_t line, const net::HttpAnswer& answer, BenchTally& tally) {
  const std::string_view next = answer.header("bitvault-next-cursor");
  if (next.empty()) {
    return false;
  }
  tally.events += static_cast<std::uint64_t>(std::ranges::count(answer.body, '\n'));
  tally.bytes += answer.body.size();
  cursors_.at(line) = answer.header("bitvault-has-more") == "true" ? next : "";
  return true;
}

}  // namespace bitvault::cli
