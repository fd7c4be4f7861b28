// For tests: an Outgoing that keeps what it is asked to send, and answers as it is told.
#pragma once

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "world/outgoing.h"

namespace bitvault::webhooks::test {

class TestOutgoing final : public Outgoing {
 public:
  [[nodiscard]] Task<OutgoingResult> send(OutgoingRequest request) override {
    sent.push_back(std::move(request));
    OutgoingResult result = otherwise;
    if (!answers.empty()) {
      result = std::move(answers.front());
      answers.pop_front();
    }
    for (int i = 0; i < yields; ++i) {
      co_await boost::asio::post(boost::asio::use_awaitable);
    }
    co_return result;
  }

  [[nodiscard]] Task<std::expected<void, std::string>> judge(std::string url) override {
    judged.push_back(url);
    if (url.contains("forbidden")) {
      co_return std::unexpected("the address guard refuses the address 127.0.0.1");
    }
    co_return std::expected<void, std::string>();
  }

  // The value of a header that was sent; "" when it was not.
  [[nodiscard]] static std::string header(const OutgoingRequest& request, std::string_view name) {
    const auto found =
        std::ranges::find(request.headers, name, &std::pair<std::string, std::string>::first);
    return found == request.headers.end() ? "" : found->second;
  }

  static OutgoingResult answer(unsigned status, std::string body = "",
                               std::vector<std::pair<std::string, std::string>> headers = {}) {
    OutgoingResult result;
    result.answer =
        OutgoingAnswer{.status = status, .headers = std::move(headers), .body = std::move(body)};
    result.address = "192.0.2.7";
    result.latency = std::chrono::milliseconds(12);
    return result;
  }
  static OutgoingResult failure(OutgoingFailure why, std::string detail = "it failed") {
    OutgoingResult result;
    result.answer = std::unexpected(why);
    result.detail = std::move(detail);
    return result;
  }

  std::vector<OutgoingRequest> sent;
  std::vector<std::string> judged;
  std::deque<OutgoingResult> answers;  // in their order, and then
  OutgoingResult otherwise = answer(204);
  int yields = 0;  // how long a request takes, in turns of its executor
};

}  // namespace bitvault::webhooks::test
