// Many HTTP requests at a time on the caller's thread: what HttpClient is for one.
//
// Each line carries one request at a time, and there are never more connections than lines.
// Answers, failures and streams are as HttpClient tells them. Not thread-safe.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <string_view>
#include <vector>

#include "net/http_client.h"

namespace bitvault::net {

class HttpLines {
 public:
  struct Ended {
    std::size_t line = 0;
    std::expected<HttpAnswer, HttpFailure> answer;
  };

  HttpLines(HttpClient::Options options, std::size_t count);
  ~HttpLines();  // what is on its way is given up
  HttpLines(const HttpLines&) = delete;
  HttpLines& operator=(const HttpLines&) = delete;

  // Begins a request on a free line. Its body outlives it.
  void send(std::size_t line, const HttpRequest& request);
  // See HttpClient::stream(). The media type and the sink outlive the request.
  void stream(std::size_t line, const HttpRequest& request, std::string_view media_type,
              const HttpClient::Sink& sink);
  [[nodiscard]] bool is_free(std::size_t line) const;

  // Works until something has ended, for `patience` at most (to the microsecond), or until stop_fd
  // is readable.
  [[nodiscard]] std::vector<Ended> work(Duration patience);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bitvault::net
