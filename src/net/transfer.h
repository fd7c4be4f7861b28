// One HTTP transfer of libcurl: its handle, what it sends and what has come. Internal to net.
//
// Whoever runs it adds handle() to a multi handle, which keeps the connection, and tells how that
// ended. Then it may be prepared again. Not thread-safe.
#pragma once

#include <curl/curl.h>

#include <array>
#include <expected>
#include <memory>
#include <optional>

#include "net/http_client.h"

namespace bitvault::net {

struct FreeMulti {
  void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
};
using MultiHandle = std::unique_ptr<CURLM, FreeMulti>;

[[nodiscard]] MultiHandle make_multi();

class Transfer {
 public:
  // The options outlive it.
  explicit Transfer(const HttpClient::Options& options);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  // With a sink: see HttpClient::stream(). The request's body, the media type and the sink outlive
  // the transfer.
  void prepare(const HttpRequest& request, std::string_view media_type = {},
               const HttpClient::Sink* sink = nullptr);
  [[nodiscard]] CURL* handle() const { return easy_.get(); }

  // What came of it, when libcurl has told its end.
  [[nodiscard]] std::expected<HttpAnswer, HttpFailure> finish(CURLcode outcome);

  // How much longer nothing may come, of one with a sink; its time is over at zero.
  [[nodiscard]] std::optional<Duration> patience() const;
  [[nodiscard]] HttpFailure silence() const;

 private:
  struct FreeEasy {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  };
  struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };
  using HeaderList = std::unique_ptr<curl_slist, FreeList>;

  // What libcurl's callbacks fill.
  struct Incoming {
    HttpAnswer answer;
    std::size_t answer_bytes_max = 0;
    std::size_t header_bytes = 0;
    bool too_large = false;

    // Of a stream only.
    std::string_view media_type{};
    const HttpClient::Sink* sink = nullptr;
    bool sink_is_full = false;
    MonotonicTime last_came{};

    [[nodiscard]] bool streams() const;
  };

  [[nodiscard]] static std::size_t on_body(char* data, std::size_t size, std::size_t count,
                                           void* user);
  [[nodiscard]] static std::size_t on_header(char* data, std::size_t size, std::size_t count,
                                             void* user);
  [[nodiscard]] static HeaderList make_headers(const HttpRequest& request);
  void set_request(const HttpRequest& request);

  const HttpClient::Options& options_;
  std::array<char, CURL_ERROR_SIZE> error_{};
  Incoming incoming_;
  Duration timeout_{};
  HeaderList headers_;
  std::unique_ptr<CURL, FreeEasy> easy_;  // goes before what it points to
};

}  // namespace bitvault::net
