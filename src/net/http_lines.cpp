#include "net/http_lines.h"

#include <curl/curl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

#include "base/check.h"
#include "net/transfer.h"

namespace bitvault::net {
namespace {

constexpr int kPollMillisecondsMost = 1'000;

// A clock to wait for beside connections: poll() itself knows milliseconds only.
class Timer {
 public:
  Timer() : fd_(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
    check(fd_ >= 0, "a timer for waiting");
  }
  ~Timer() { close(fd_); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  // Makes fd() readable after `delay`, and not before; `delay` > 0.
  void set(Duration delay) const {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(delay);
    itimerspec when{};
    when.it_value.tv_sec = static_cast<time_t>(seconds.count());
    when.it_value.tv_nsec = static_cast<long>(std::chrono::nanoseconds(delay - seconds).count());
    check(timerfd_settime(fd_, 0, &when, nullptr) == 0, "a timer takes a delay");
  }

 private:
  int fd_;
};

struct Line {
  Line(const HttpClient::Options& options, std::size_t at) : transfer(options), number(at) {}

  Transfer transfer;
  std::size_t number;
  bool is_free = true;
};

enum class Woken : std::uint8_t { kReady, kTimeout, kStopped };

}  // namespace

struct HttpLines::Impl {
  Impl(HttpClient::Options given, std::size_t count)
      : options(std::move(given)), multi(make_multi()) {
    curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(count));
    for (std::size_t i = 0; i < count; ++i) {
      lines.push_back(std::make_unique<Line>(options, i));
    }
  }
  ~Impl() {
    for (const auto& line : lines) {
      if (!line->is_free) {
        release(*line);
      }
    }
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void begin(Line& line) {
    line.is_free = false;
    check(curl_multi_add_handle(multi.get(), line.transfer.handle()) == CURLM_OK,
          "libcurl takes its handle");
  }
  void release(Line& line) {
    curl_multi_remove_handle(multi.get(), line.transfer.handle());
    line.is_free = true;
  }

  void perform();
  void collect(std::vector<Ended>& ended);
  void give_up_silent(std::vector<Ended>& ended);
  [[nodiscard]] Woken wait() const;

  HttpClient::Options options;
  Timer timer;
  MultiHandle multi;  // holds the connections
  std::vector<std::unique_ptr<Line>> lines;
};

void HttpLines::Impl::perform() {
  int running = 0;
  check(curl_multi_perform(multi.get(), &running) == CURLM_OK, "libcurl works");
}

void HttpLines::Impl::collect(std::vector<Ended>& ended) {
  int left = 0;
  while (const CURLMsg* const message = curl_multi_info_read(multi.get(), &left)) {
    if (message->msg != CURLMSG_DONE) {
      continue;
    }
    const CURLcode outcome = message->data.result;  // the message goes with its handle
    const auto found = std::ranges::find(lines, message->easy_handle,
                                         [](const auto& line) { return line->transfer.handle(); });
    Line& line = **found;
    release(line);
    ended.push_back({.line = line.number, .answer = line.transfer.finish(outcome)});
  }
}

void HttpLines::Impl::give_up_silent(std::vector<Ended>& ended) {
  for (const auto& line : lines) {
    if (!line->is_free && line->transfer.patience() == Duration::zero()) {
      release(*line);
      ended.push_back({.line = line->number, .answer = std::unexpected(line->transfer.silence())});
    }
  }
}

Woken HttpLines::Impl::wait() const {
  std::array<curl_waitfd, 2> extra = {
      {{.fd = timer.fd(), .events = CURL_WAIT_POLLIN, .revents = 0},
       {.fd = options.stop_fd, .events = CURL_WAIT_POLLIN, .revents = 0}}};
  const unsigned count = options.stop_fd >= 0 ? 2 : 1;
  check(
      curl_multi_poll(multi.get(), extra.data(), count, kPollMillisecondsMost, nullptr) == CURLM_OK,
      "libcurl waits");
  return extra[1].revents != 0   ? Woken::kStopped
         : extra[0].revents != 0 ? Woken::kTimeout
                                 : Woken::kReady;
}

HttpLines::HttpLines(HttpClient::Options options, std::size_t count)
    : impl_(std::make_unique<Impl>(std::move(options), count)) {}
HttpLines::~HttpLines() = default;

void HttpLines::send(std::size_t line, const HttpRequest& request) {
  check(is_free(line), "a line carries one request");
  impl_->lines[line]->transfer.prepare(request);
  impl_->begin(*impl_->lines[line]);
}

void HttpLines::stream(std::size_t line, const HttpRequest& request, std::string_view media_type,
                       const HttpClient::Sink& sink) {
  check(is_free(line), "a line carries one request");
  impl_->lines[line]->transfer.prepare(request, media_type, &sink);
  impl_->begin(*impl_->lines[line]);
}

bool HttpLines::is_free(std::size_t line) const { return impl_->lines.at(line)->is_free; }

std::vector<HttpLines::Ended> HttpLines::work(Duration patience) {
  std::vector<Ended> ended;
  Woken woken = patience > Duration::zero() ? Woken::kReady : Woken::kTimeout;
  if (woken == Woken::kReady) {
    impl_->timer.set(patience);
  }
  while (true) {
    impl_->perform();
    impl_->collect(ended);
    impl_->give_up_silent(ended);
    if (!ended.empty() || woken != Woken::kReady) {
      return ended;
    }
    woken = impl_->wait();
  }
}

}  // namespace bitvault::net
