#include "scheduler.h"

#include <algorithm>

namespace bitvault::sim {

void Scheduler::post(ProcessId process, Job job) { ready_.push_back({process, std::move(job), 0}); }

Scheduler::TimerId Scheduler::start_timer(ProcessId process, Duration delay, Job job) {
  const TimerId id{now_ + std::max(delay, Duration{0}), ++timers_started_};
  timers_.emplace(id, Ready{process, std::move(job), id.number});
  return id;
}

void Scheduler::cancel_timer(const TimerId& id) {
  if (timers_.erase(id) == 0) {
    std::erase_if(ready_, [&](const Ready& ready) { return ready.timer == id.number; });
  }
}

void Scheduler::drop(ProcessId process) {
  // Out of the containers first: destroying a job may cancel timers or post.
  std::vector<Job> dropped;
  const auto others = std::partition(ready_.begin(), ready_.end(),
                                     [&](const Ready& job) { return job.process != process; });
  for (auto job = others; job != ready_.end(); ++job) {
    dropped.push_back(std::move(job->job));
  }
  ready_.erase(others, ready_.end());
  for (auto timer = timers_.begin(); timer != timers_.end();) {
    if (timer->second.process == process) {
      dropped.push_back(std::move(timer->second.job));
      timer = timers_.erase(timer);
    } else {
      ++timer;
    }
  }
  mix(dropped.size());
}

void Scheduler::wake_due() {
  while (!timers_.empty() && timers_.begin()->first.due <= now_) {
    auto node = timers_.extract(timers_.begin());
    ready_.push_back(std::move(node.mapped()));
  }
}

bool Scheduler::step() {
  if (ready_.empty()) {
    if (timers_.empty()) {
      return false;
    }
    now_ = std::max(now_, timers_.begin()->first.due);
  }
  wake_due();
  ++steps_;
  const std::uint64_t pick = dice_.below(ready_.size());
  mix(pick);
  mix(ready_.size());
  mix(static_cast<std::uint64_t>(now_.count()));
  std::swap(ready_[pick], ready_.back());
  Ready next = std::move(ready_.back());
  ready_.pop_back();
  current_ = next.process;
  next.job();
  next.job = nullptr;  // its destructor belongs to it
  current_ = 0;
  now_ += Duration(dice_.below(static_cast<std::uint64_t>(options_.job_cost_max.count()) + 1));
  return true;
}

bool Scheduler::run_until(const std::function<bool()>& done) {
  while (!done()) {
    if (steps_ >= options_.steps_max || !step()) {
      return false;
    }
  }
  return true;
}

bool Scheduler::run_for(Duration span) {
  const Duration end = now_ + span;
  while (!ready_.empty() || (!timers_.empty() && timers_.begin()->first.due <= end)) {
    if (steps_ >= options_.steps_max || now_ > end) {
      break;
    }
    step();
  }
  now_ = std::max(now_, end);
  return steps_ < options_.steps_max;
}

void Scheduler::write(std::string line) {
  for (const char c : line) {
    mix(static_cast<unsigned char>(c));
  }
  lines_.push_back(fmt::format("{:>14.6f} {}", static_cast<double>(now_.count()) / 1e6, line));
}

}  // namespace bitvault::sim
