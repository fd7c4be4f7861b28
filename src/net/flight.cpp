#include "net/flight.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "base/text.h"

namespace bitvault::net {
namespace {

constexpr std::size_t kHeaderBytesMax = 64 * 1024;
constexpr std::size_t kHeadersKept = 64;

long milliseconds(Duration duration) {
  return static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos
             ? std::string_view{}
             : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

curl_blob blob_of(const std::string& text) {
  return {const_cast<char*>(text.data()), text.size(), CURL_BLOB_COPY};
}

}  // namespace

Flight::Flight(const AddressPolicy& policy, const std::string& ca_file,
               const std::string& user_agent)
    : policy_(policy), ca_file_(ca_file), easy_(curl_easy_init()) {
  check(easy_ != nullptr, "memory for libcurl's handles");
  CURL* const easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_PRIVATE, this);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_.data());
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, user_agent.c_str());
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &Flight::on_socket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Flight::on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Flight::on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  // With a folder of certificates libcurl would read all of them for each connection; one file it
  // keeps.
  curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 24L * 3'600);
}

void Flight::prepare(OutgoingRequest request) {
  request_ = std::move(request);
  answer_ = {};
  header_bytes_ = 0;
  headers_too_large_ = false;
  forbidden_ = {};
  error_[0] = '\0';
  CURL* const easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(easy, CURLOPT_POST, 1L);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request_.body.data());
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                   static_cast<curl_off_t>(request_.body.size()));
  if (request_.method == "GET") {
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
  }
  curl_easy_setopt(
      easy, CURLOPT_CUSTOMREQUEST,
      request_.method == "POST" || request_.method == "GET" ? nullptr : request_.method.c_str());
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(request_.connect_timeout));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, milliseconds(request_.timeout));
  set_headers();
  set_identity();
}

void Flight::set_headers() {
  curl_slist* list = nullptr;
  const auto add = [&](const std::string& line) {
    list = curl_slist_append(list, line.c_str());
    check(list != nullptr, "memory for a request's headers");
  };
  for (const auto& [name, value] : request_.headers) {
    add(value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
  }
  add("Expect:");
  add("Accept:");
  headers_.reset(list);
  curl_easy_setopt(easy_.get(), CURLOPT_HTTPHEADER, headers_.get());
}

void Flight::set_identity() {
  CURL* const easy = easy_.get();
  const OutgoingIdentity* const identity = request_.identity.get();
  const auto set = [&](CURLoption option, const std::string* pem) {
    if (pem == nullptr || pem->empty()) {
      curl_easy_setopt(easy, option, nullptr);
      return;
    }
    const curl_blob blob = blob_of(*pem);
    curl_easy_setopt(easy, option, &blob);
  };
  const bool own_ca = identity != nullptr && !identity->ca.empty();
  curl_easy_setopt(easy, CURLOPT_CAINFO, own_ca ? nullptr : ca_file_.c_str());
  set(CURLOPT_CAINFO_BLOB, own_ca ? &identity->ca : nullptr);
  set(CURLOPT_SSLCERT_BLOB, identity != nullptr ? &identity->certificate : nullptr);
  set(CURLOPT_SSLKEY_BLOB, identity != nullptr ? &identity->private_key : nullptr);
}

curl_socket_t Flight::on_socket(void* user, curlsocktype purpose, curl_sockaddr* address) {
  auto& flight = *static_cast<Flight*>(user);
  const auto ip = IpAddress::of(address->addr);
  if (purpose != CURLSOCKTYPE_IPCXN || !ip) {
    flight.forbidden_ = "no address of the internet";
    return CURL_SOCKET_BAD;
  }
  if (const auto what = forbidden(*ip, flight.policy_)) {
    flight.forbidden_ = *what;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::size_t Flight::on_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& flight = *static_cast<Flight*>(user);
  const std::size_t bytes = size * count;
  OutgoingAnswer& answer = flight.answer_;
  const std::size_t room = flight.request_.answer_bytes_max - answer.body.size();
  answer.body.append(data, std::min(bytes, room));
  answer.truncated = bytes > room;
  return answer.truncated ? 0 : bytes;  // 0: no more of it
}

std::size_t Flight::on_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto& flight = *static_cast<Flight*>(user);
  const std::string_view line(data, size * count);
  OutgoingAnswer& answer = flight.answer_;
  flight.header_bytes_ += line.size();
  if (flight.header_bytes_ > kHeaderBytesMax) {
    flight.headers_too_large_ = true;
    return 0;
  }
  if (line.starts_with("HTTP/")) {  // also after a 1xx: its headers do not count
    answer.headers.clear();
    return line.size();
  }
  const std::size_t colon = line.find(':');
  if (colon != std::string_view::npos && answer.headers.size() < kHeadersKept) {
    std::string name(line.substr(0, colon));
    std::ranges::transform(name, name.begin(), ascii_lower);
    answer.headers.emplace_back(std::move(name), trimmed(line.substr(colon + 1)));
  }
  return line.size();
}

OutgoingResult Flight::finish(CURLcode outcome) {
  OutgoingResult result;
  long status = 0;
  char* address = nullptr;
  curl_off_t micros = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(easy_.get(), CURLINFO_PRIMARY_IP, &address);
  curl_easy_getinfo(easy_.get(), CURLINFO_TOTAL_TIME_T, &micros);
  result.address = address != nullptr ? address : "";
  result.latency = Duration(micros);
  const bool cut = outcome == CURLE_WRITE_ERROR && answer_.truncated;
  if (outcome == CURLE_OK || cut) {
    answer_.status = static_cast<unsigned>(status);
    result.answer = std::move(answer_);
  } else {
    const OutgoingFailure failure = failure_of(outcome);
    result.answer = std::unexpected(failure);
    result.detail = detail_of(failure);
  }
  request_ = {};
  return result;
}

OutgoingFailure Flight::failure_of(CURLcode outcome) const {
  if (headers_too_large_) {
    return OutgoingFailure::kTooLarge;
  }
  long os_error = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_OS_ERRNO, &os_error);
  switch (outcome) {
    case CURLE_COULDNT_CONNECT:
      return !forbidden_.empty()        ? OutgoingFailure::kForbidden
             : os_error == ECONNREFUSED ? OutgoingFailure::kRefused
             : os_error == ETIMEDOUT    ? OutgoingFailure::kTimeout
                                        : OutgoingFailure::kUnreachable;
    case CURLE_COULDNT_RESOLVE_HOST:
      return OutgoingFailure::kNoSuchHost;
    case CURLE_OPERATION_TIMEDOUT:
      return OutgoingFailure::kTimeout;
    case CURLE_URL_MALFORMAT:
      return OutgoingFailure::kBadUrl;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return OutgoingFailure::kTls;
    default:
      return OutgoingFailure::kBroken;
  }
}

// libcurl's own sentence only where it helps and can tell nothing of ours: it may name addresses.
std::string Flight::detail_of(OutgoingFailure failure) const {
  switch (failure) {
    case OutgoingFailure::kForbidden:
      return fmt::format("the host resolves to {}", forbidden_);
    case OutgoingFailure::kNoSuchHost:
      return "the host name cannot be resolved";
    case OutgoingFailure::kRefused:
      return "nobody listens at the address and port";
    case OutgoingFailure::kUnreachable:
      return "there is no way to the address";
    case OutgoingFailure::kTls:
      return error_[0] != '\0' ? std::string(error_.data()) : "the TLS handshake failed";
    case OutgoingFailure::kTimeout:
      return answer_.headers.empty() ? "no answer came in time" : "the answer did not end in time";
    case OutgoingFailure::kBroken:
      return "the connection broke, or what came is not HTTP";
    case OutgoingFailure::kTooLarge:
      return fmt::format("the head of the answer is larger than {} bytes", kHeaderBytesMax);
    case OutgoingFailure::kBadUrl:
      return "the URL is not one of http or https";
    case OutgoingFailure::kCancelled:
      return "the request was cancelled";
  }
  return {};
}

}  // namespace bitvault::net
