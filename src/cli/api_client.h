// The server's API as the commands call it: one settings' URL and key, one connection kept.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "cli/problem.h"
#include "cli/settings.h"
#include "net/http_client.h"

namespace bitvault::cli {

struct Call {
  std::string method = "GET";
  std::string path;                                          // percent-encoded, starts with "/v1"
  std::vector<std::pair<std::string, std::string>> query{};  // plain text; encoded when it is sent
  std::string_view body{};                                   // outlives the call
  std::string content_type{};                                // of the body
  Duration timeout = std::chrono::seconds(60);
};

// Why a call brought nothing: the server refused it, or there was no answer.
struct Failure {
  std::optional<Problem> problem{};
  std::optional<net::HttpFailure::Kind> transport{};
  std::string text{};  // for a person, several lines
  std::string json{};  // for a program: the server's problem document, or one like it

  // The problem's code, or one like it.
  [[nodiscard]] std::string code() const;
  [[nodiscard]] bool stopped() const { return transport == net::HttpFailure::Kind::kStopped; }
};

class ApiClient {
 public:
  // `stop_fd`: see net::HttpClient.
  ApiClient(Settings settings, int stop_fd);

  // The answer when it is 2xx.
  [[nodiscard]] std::expected<net::HttpAnswer, Failure> call(const Call& call);

  // GETs text/event-stream: each piece of a 2xx answer's body goes to `sink` as it comes. The
  // answer's own body is empty unless its media type is another. The call's timeout is how long
  // nothing may come.
  [[nodiscard]] std::expected<net::HttpAnswer, Failure> stream(const Call& call,
                                                               const net::HttpClient::Sink& sink);

  // Whether any call has had an answer, of whatever kind.
  [[nodiscard]] bool reached() const { return reached_; }
  [[nodiscard]] const Settings& settings() const { return settings_; }
  // "/v1/tenants/<tenant>" and `rest`; the settings have a tenant.
  [[nodiscard]] std::string tenant_path(std::string_view rest) const;

  // For those who carry many requests at a time (net::HttpLines): how to begin, what to send, and
  // why its outcome is a failure, when it is one.
  [[nodiscard]] const net::HttpClient::Options& options() const { return options_; }
  [[nodiscard]] net::HttpRequest make_request(const Call& call, std::string_view accept) const;
  [[nodiscard]] std::optional<Failure> failure_of(
      const std::expected<net::HttpAnswer, net::HttpFailure>& outcome) const;

 private:
  [[nodiscard]] Failure refused(const net::HttpAnswer& answer) const;
  [[nodiscard]] Failure unanswered(const net::HttpFailure& failure) const;

  Settings settings_;
  net::HttpClient::Options options_;
  net::HttpClient client_;
  bool reached_ = false;
};

// RFC 3986: everything but unreserved characters is percent-encoded.
[[nodiscard]] std::string percent_encoded(std::string_view text);

}  // namespace bitvault::cli
