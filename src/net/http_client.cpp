#include "net/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "base/check.h"
#include "base/text.h"

namespace bitvault::net {
namespace {

using Kind = HttpFailure::Kind;

constexpr std::size_t kHeaderBytesMax = 256 * 1024;

struct FreeEasy {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeMulti {
  void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

// What libcurl's callbacks fill.
struct Incoming {
  HttpAnswer answer;
  std::size_t answer_bytes_max = 0;
  std::size_t header_bytes = 0;
  bool too_large = false;

  // Of stream() only.
  std::string_view media_type{};
  const HttpClient::Sink* sink = nullptr;
  bool sink_is_full = false;

  [[nodiscard]] bool streams() const {
    const std::string_view type = answer.header("content-type");
    return sink != nullptr && answer.status / 100 == 2 &&
           equal_ignoring_ascii_case(type.substr(0, type.find(';')), media_type);
  }
};

void initialize_once() {
  static const bool kDone = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  check(kDone, "libcurl initializes");
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos
             ? std::string_view{}
             : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& incoming = *static_cast<Incoming*>(user);
  const std::size_t bytes = size * count;
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

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto& incoming = *static_cast<Incoming*>(user);
  const std::string_view line(data, size * count);
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

// A header without a value needs a semicolon, or libcurl takes it as "remove this header".
HeaderList make_headers(const HttpRequest& request) {
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
  explicit Impl(Options given) : options(std::move(given)) {
    initialize_once();
    multi.reset(curl_multi_init());
    easy.reset(curl_easy_init());
    check(multi && easy, "memory for libcurl's handles");
  }

  void prepare(const HttpRequest& request, Incoming& incoming, curl_slist* headers);
  std::expected<HttpAnswer, HttpFailure> receive(const HttpRequest& request, Incoming& incoming);
  // The outcome of the transfer, or nothing when it was stopped.
  std::optional<CURLcode> transfer();
  std::optional<CURLcode> run();

  Options options;
  std::array<char, CURL_ERROR_SIZE> error{};
  std::unique_ptr<CURLM, FreeMulti> multi;  // holds the connections
  std::unique_ptr<CURL, FreeEasy> easy;     // goes before its multi handle
};

void HttpClient::Impl::prepare(const HttpRequest& request, Incoming& incoming,
                               curl_slist* headers) {
  CURL* const handle = easy.get();
  const auto milliseconds = [](Duration duration) {
    return static_cast<long>(
        std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
  };
  error[0] = '\0';
  curl_easy_reset(handle);  // keeps the connections
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, error.data());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(options.connect_timeout));
  if (incoming.sink == nullptr) {
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, milliseconds(request.timeout));
  } else {
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(
        handle, CURLOPT_LOW_SPEED_TIME,
        static_cast<long>(std::chrono::ceil<std::chrono::seconds>(request.timeout).count()));
  }
  curl_easy_setopt(handle, CURLOPT_USERAGENT, options.user_agent.c_str());
  if (!options.ca_file.empty()) {
    curl_easy_setopt(handle, CURLOPT_CAINFO, options.ca_file.c_str());
    curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
  }
  if (is_loopback(request.url)) {
    curl_easy_setopt(handle, CURLOPT_PROXY, "");
  }
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.empty() ? "" : request.body.data());
  }
  curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &on_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &incoming);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, &on_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &incoming);
}

std::optional<CURLcode> HttpClient::Impl::transfer() {
  check(curl_multi_add_handle(multi.get(), easy.get()) == CURLM_OK, "libcurl takes its handle");
  const auto outcome = run();
  curl_multi_remove_handle(multi.get(), easy.get());
  return outcome;
}

std::optional<CURLcode> HttpClient::Impl::run() {
  int running = 1;
  while (running > 0) {
    if (curl_multi_perform(multi.get(), &running) != CURLM_OK) {
      return CURLE_FAILED_INIT;
    }
    if (running == 0) {
      break;
    }
    curl_waitfd stop{.fd = options.stop_fd, .events = CURL_WAIT_POLLIN, .revents = 0};
    const unsigned extra = options.stop_fd >= 0 ? 1 : 0;
    if (curl_multi_poll(multi.get(), &stop, extra, 1000, nullptr) != CURLM_OK) {
      return CURLE_FAILED_INIT;
    }
    if (extra != 0 && stop.revents != 0) {
      return std::nullopt;
    }
  }
  int left = 0;
  const CURLMsg* const message = curl_multi_info_read(multi.get(), &left);
  check(message != nullptr && message->msg == CURLMSG_DONE, "libcurl tells the transfer's end");
  return message->data.result;
}

HttpClient::HttpClient(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&& other) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&& other) noexcept = default;

std::expected<HttpAnswer, HttpFailure> HttpClient::Impl::receive(const HttpRequest& request,
                                                                 Incoming& incoming) {
  const HeaderList headers = make_headers(request);
  prepare(request, incoming, headers.get());
  const auto outcome = transfer();
  if (!outcome || incoming.sink_is_full) {
    return std::unexpected(HttpFailure{Kind::kStopped, "stopped"});
  }
  if (incoming.too_large) {
    return std::unexpected(HttpFailure{Kind::kTooLarge, "the answer is too large"});
  }
  if (*outcome != CURLE_OK) {
    long os_error = 0;
    curl_easy_getinfo(easy.get(), CURLINFO_OS_ERRNO, &os_error);
    const std::string_view said(error.data());
    return std::unexpected(
        HttpFailure{kind_of(*outcome, os_error),
                    std::string(said.empty() ? curl_easy_strerror(*outcome) : said)});
  }
  return std::move(incoming.answer);
}

std::expected<HttpAnswer, HttpFailure> HttpClient::send(const HttpRequest& request) {
  Incoming incoming{.answer = {}, .answer_bytes_max = request.answer_bytes_max};
  return impl_->receive(request, incoming);
}

std::expected<HttpAnswer, HttpFailure> HttpClient::stream(const HttpRequest& request,
                                                          std::string_view media_type,
                                                          const Sink& sink) {
  Incoming incoming{.answer = {},
                    .answer_bytes_max = request.answer_bytes_max,
                    .media_type = media_type,
                    .sink = &sink};
  return impl_->receive(request, incoming);
}

}  // namespace bitvault::net
