// One thread, one queue: the store's jobs and their callers run in the order in which they were
// posted, so that a test is the same every time.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>

#include "base/check.h"
#include "world/world.h"

namespace bitvault::test {

template <class T>
Task<> deliver_to(Task<T> task, std::optional<T>& result) {
  T value = co_await std::move(task);
  result.emplace(std::move(value));
}

class SingleThread {
 public:
  [[nodiscard]] Executor executor() { return context_.get_executor(); }

  // Starts a task whose result is put where it is told. It runs in run_all().
  template <class T>
  void start(Task<T> task, std::optional<T>& result) {
    boost::asio::co_spawn(context_, deliver_to(std::move(task), result),
                          [](const std::exception_ptr& error) {
                            check(error == nullptr, "a test's task does not throw");
                          });
  }
  // Runs whatever is queued, until nothing is.
  void run_all() {
    context_.restart();
    context_.run();
  }
  // Runs what is queued now, also when some task waits for a job elsewhere.
  void run_ready() {
    context_.restart();
    context_.poll();
  }
  template <class T>
  T run(Task<T> task) {
    std::optional<T> result;
    start(std::move(task), result);
    run_all();
    check(result.has_value(), "a test's task ends");
    return std::move(*result);
  }

 private:
  boost::asio::io_context context_;
};

}  // namespace bitvault::test
