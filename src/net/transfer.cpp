#include "net/transfer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "base/check.h"
#include "base/text.h"

namespace bitvault::net {
namespace {

using Kind = HttpFailure::Kind;

constexpr std::size_t kHeaderBytesMax = 256 * 1024;

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

void initialize_once() {
  static const bool kDone = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  check(kDone, "libcurl initializes");
}

MonotonicTime now() { return std::chrono::floor<Duration>(std::chrono::steady_clock::now()); }

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos
             ? std::string_view{}
             : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

bool is_loopback(const std::string& url) {
  const std::unique_ptr<CURLU, FreeUrl> parsed(curl_url());
  char* host = nullptr;
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK ||
      curl_url_get(parsed.get(), CURLUPART_HOST, &host, 0) != CURLUE_OK) {
    return false;
  }
  const std::string_view name(host);
  const bool loopback = name == "localhost" || name == "[::1]" || name.starts_with("127.");
  curl_free(host);
  return loopback;
}

Kind kind_of(CURLcode code, long os_error) {
  switch (code) {
    case CURLE_COULDNT_CONNECT:
      return os_error == ECONNREFUSED ? Kind::kRefused : Kind::kUnreachable;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY:
      return Kind::kUnreachable;
    case CURLE_OPERATION_TIMEDOUT:
      return Kind::kTimeout;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Kind::kBadUrl;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return Kind::kTls;
    default:
      return Kind::kBroken;
  }
}

long milliseconds(Duration duration) {
  return static_cast<long>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

}  // namespace

MultiHandle make_multi() {
  initialize_once();
  MultiHandle multi(curl_multi_init());
  check(multi != nullptr, "memory for libcurl's handles");
  return multi;
}

Transfer::Transfer(const HttpClient::Options& options) : options_(options) {
  initialize_once();
  easy_.reset(curl_easy_init());
  check(easy_ != nullptr, "memory for libcurl's handles");
}

bool Transfer::Incoming::streams() const {
  const std::string_view type = answer.header("content-type");
  return sink != nullptr && answer.status / 100 == 2 &&
         equal_ignoring_ascii_case(type.substr(0, type.find(';')), media_type);
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& incoming = *static_cast<Incoming*>(user);
  const std::size_t bytes = size * count;
  incoming.last_came = now();
  if (incoming.streams()) {
    incoming.sink_is_full = !(*incoming.sink)({data, bytes});
    return incoming.sink_is_full ? 0 : bytes;
  }
  if (bytes > incoming.answer_bytes_max - incoming.answer.body.size()) {
    incoming.too_large = true;
    return 0;
  }
  incoming.answer.body.append(data, bytes);
  return bytes;
}

std::size_t Transfer::on_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto& incoming = *static_cast<Incoming*>(user);
  const std::string_view line(data, size * count);
  incoming.last_came = now();
  if (line.starts_with("HTTP/")) {  // also after a 1xx: its headers do not count
    incoming.answer.headers.clear();
    const std::string_view status = line.substr(std::min(line.find(' '), line.size() - 1) + 1, 3);
    incoming.answer.status = static_cast<unsigned>(parse_uint(status).value_or(0));
    return line.size();
  }
  incoming.header_bytes += line.size();
  if (incoming.header_bytes > kHeaderBytesMax) {
    incoming.too_large = true;
    return 0;
  }
  const auto colon = line.find(':');
  if (colon != std::string_view::npos) {
    std::string name(trimmed(line.substr(0, colon)));
    std::ranges::transform(name, name.begin(), ascii_lower);
    incoming.answer.headers.emplace_back(std::move(name), trimmed(line.substr(colon + 1)));
  }
  return line.size();
}

// A header without a value needs a semicolon, or libcurl takes it as "remove this header".
Transfer::HeaderList Transfer::make_headers(const HttpRequest& request) {
  HeaderList list;
  const auto append = [&](const std::string& line) {
    curl_slist* head = curl_slist_append(list.get(), line.c_str());
    check(head != nullptr, "memory for a header");
    static_cast<void>(list.release());
    list.reset(head);
  };
  append("Expect:");  // no waiting for 100 Continue
  for (const auto& [name, value] : request.headers) {
    append(value.empty() ? name + ";" : name + ": " + value);
  }
  return list;
}

void Transfer::prepare(const HttpRequest& request, std::string_view media_type,
                       const HttpClient::Sink* sink) {
  incoming_ = {.answer = {},
               .answer_bytes_max = request.answer_bytes_max,
               .media_type = media_type,
               .sink = sink,
               .last_came = now()};
  timeout_ = request.timeout;
  error_[0] = '\0';
  CURL* const handle = easy_.get();
  curl_easy_reset(handle);  // keeps the connections
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, error_.data());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(options_.connect_timeout));
  if (sink == nullptr) {
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, milliseconds(request.timeout));
  }
  curl_easy_setopt(handle, CURLOPT_USERAGENT, options_.user_agent.c_str());
  if (!options_.ca_file.empty()) {
    curl_easy_setopt(handle, CURLOPT_CAINFO, options_.ca_file.c_str());
    curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
  }
  if (is_loopback(request.url)) {
    curl_easy_setopt(handle, CURLOPT_PROXY, "");
  }
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &on_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &incoming_);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, &on_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &incoming_);
  set_request(request);
}

void Transfer::set_request(const HttpRequest& request) {
  CURL* const handle = easy_.get();
  headers_ = make_headers(request);
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers_.get());
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.empty() ? "" : request.body.data());
  }
  curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

std::expected<HttpAnswer, HttpFailure> Transfer::finish(CURLcode outcome) {
  if (incoming_.sink_is_full) {
    return std::unexpected(HttpFailure{Kind::kStopped, "stopped"});
  }
  if (incoming_.too_large) {
    return std::unexpected(HttpFailure{Kind::kTooLarge, "the answer is too large"});
  }
  if (outcome != CURLE_OK) {
    long os_error = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_OS_ERRNO, &os_error);
    const std::string_view said(error_.data());
    return std::unexpected(
        HttpFailure{kind_of(outcome, os_error),
                    std::string(said.empty() ? curl_easy_strerror(outcome) : said)});
  }
  return std::move(incoming_.answer);
}

// libcurl's own limit (CURLOPT_LOW_SPEED_TIME) rounds a comment each 15 s down to silence.
std::optional<Duration> Transfer::patience() const {
  if (incoming_.sink == nullptr) {
    return std::nullopt;
  }
  return std::max(Duration::zero(), incoming_.last_came + timeout_ - now());
}

HttpFailure Transfer::silence() const {
  return {Kind::kTimeout, fmt::format("nothing has come for {:.0f} s",
                                      std::chrono::duration<double>(timeout_).count())};
}

}  // namespace bitvault::net
