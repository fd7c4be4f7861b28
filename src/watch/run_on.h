// Runs a plain function on another executor and resumes the caller on its own.
#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <type_traits>
#include <utility>

#include "world/world.h"

namespace bitvault::watch {

// The function runs to its end even when the caller is cancelled meanwhile: what it refers to must
// live until the caller has resumed, as the caller's own locals and members do.
template <class Work>
Task<std::invoke_result_t<Work>> run_on(Executor executor, Work work) {
  using Value = std::invoke_result_t<Work>;
  const auto start = [](auto handler, const Executor& there, Work job) {
    auto home = boost::asio::make_work_guard(boost::asio::get_associated_executor(handler));
    boost::asio::post(there, [handler = std::move(handler), home = std::move(home),
                              job = std::move(job)]() mutable {
      Value value = job();
      const auto executor_of_caller = home.get_executor();
      boost::asio::post(executor_of_caller,
                        [handler = std::move(handler), value = std::move(value)]() mutable {
                          std::move(handler)(std::move(value));
                        });
    });
  };
  Value value =
      co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(Value)>(
          start, boost::asio::use_awaitable, executor, std::move(work));
  co_return value;
}

}  // namespace bitvault::watch
