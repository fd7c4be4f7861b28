#include "net/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/check.h"
#include "net/transfer.h"

namespace bitvault::net {
namespace {

using Kind = HttpFailure::Kind;

constexpr Duration kPollMost = std::chrono::seconds(1);

}  // namespace

std::string_view HttpAnswer::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) {
      return value;
    }
  }
  return {};
}

struct HttpClient::Impl {
  explicit Impl(Options given)
      : options(std::move(given)), multi(make_multi()), transfer(options) {}

  [[nodiscard]] std::expected<HttpAnswer, HttpFailure> receive();
  [[nodiscard]] std::expected<HttpAnswer, HttpFailure> run();
  // Waits until something can go on; a failure when nothing ever will.
  [[nodiscard]] std::optional<HttpFailure> wait();

  Options options;
  MultiHandle multi;  // holds the connections
  Transfer transfer;
};

std::expected<HttpAnswer, HttpFailure> HttpClient::Impl::receive() {
  check(curl_multi_add_handle(multi.get(), transfer.handle()) == CURLM_OK,
        "libcurl takes its handle");
  auto answer = run();
  curl_multi_remove_handle(multi.get(), transfer.handle());
  return answer;
}

std::optional<HttpFailure> HttpClient::Impl::wait() {
  const Duration patience = transfer.patience().value_or(kPollMost);
  if (patience == Duration::zero()) {
    return transfer.silence();
  }
  curl_waitfd stop{.fd = options.stop_fd, .events = CURL_WAIT_POLLIN, .revents = 0};
  const auto most = std::chrono::ceil<std::chrono::milliseconds>(std::min(patience, kPollMost));
  if (curl_multi_poll(multi.get(), &stop, options.stop_fd >= 0 ? 1 : 0,
                      static_cast<int>(most.count()), nullptr) != CURLM_OK) {
    return HttpFailure{Kind::kBroken, "cannot wait for the connection"};
  }
  return stop.revents == 0 ? std::nullopt : std::optional(HttpFailure{Kind::kStopped, "stopped"});
}

std::expected<HttpAnswer, HttpFailure> HttpClient::Impl::run() {
  while (true) {
    int running = 0;
    if (curl_multi_perform(multi.get(), &running) != CURLM_OK) {
      return transfer.finish(CURLE_FAILED_INIT);
    }
    if (running == 0) {
      break;
    }
    if (auto failure = wait()) {
      return std::unexpected(*std::move(failure));
    }
  }
  int left = 0;
  const CURLMsg* const message = curl_multi_info_read(multi.get(), &left);
  check(message != nullptr && message->msg == CURLMSG_DONE, "libcurl tells the transfer's end");
  return transfer.finish(message->data.result);
}

HttpClient::HttpClient(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&& other) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&& other) noexcept = default;

std::expected<HttpAnswer, HttpFailure> HttpClient::send(const HttpRequest& request) {
  impl_->transfer.prepare(request);
  return impl_->receive();
}

std::expected<HttpAnswer, HttpFailure> HttpClient::stream(const HttpRequest& request,
                                                          std::string_view media_type,
                                                          const Sink& sink) {
  impl_->transfer.prepare(request, media_type, &sink);
  return impl_->receive();
}

}  // namespace bitvault::net
