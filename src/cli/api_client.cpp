#include "cli/api_client.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/console.h"

namespace bitvault::cli {
namespace {

using Kind = net::HttpFailure::Kind;

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

std::string_view code_of(Kind kind) {
  switch (kind) {
    case Kind::kStopped:
      return "stopped";
    case Kind::kRefused:
    case Kind::kUnreachable:
      return "unreachable";
    case Kind::kTls:
      return "tls";
    case Kind::kTimeout:
      return "timeout";
    case Kind::kBroken:
      return "connection_broken";
    case Kind::kTooLarge:
      return "answer_too_large";
    case Kind::kBadUrl:
      return "url_invalid";
  }
  return "";
}

}  // namespace

std::string Failure::code() const {
  if (problem) {
    return problem->code.empty() ? fmt::format("http_{}", problem->status) : problem->code;
  }
  return std::string(transport ? code_of(*transport) : "");
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

ApiClient::ApiClient(Settings settings, int stop_fd)
    : settings_(std::move(settings)),
      options_{.user_agent = "BitVault-Events/" BITVAULT_VERSION,
               .ca_file = settings_.ca_file,
               .stop_fd = stop_fd},
      client_(options_) {}

std::string ApiClient::tenant_path(std::string_view rest) const {
  check(settings_.tenant.has_value(), "a command that needs a tenant has one");
  return fmt::format("/v1/tenants/{}{}", settings_.tenant->str(), rest);
}

net::HttpRequest ApiClient::make_request(const Call& call, std::string_view accept) const {
  net::HttpRequest request{.method = call.method,
                           .url = settings_.url + call.path,
                           .headers = {{"Accept", std::string(accept)}},
                           .body = call.body,
                           .timeout = call.timeout};
  char separator = '?';
  for (const auto& [name, value] : call.query) {
    request.url += separator + percent_encoded(name) + "=" + percent_encoded(value);
    separator = '&';
  }
  if (!settings_.key.empty()) {
    request.headers.emplace_back("Authorization", "Bearer " + settings_.key.reveal());
  }
  if (!call.content_type.empty()) {
    request.headers.emplace_back("Content-Type", call.content_type);
  }
  return request;
}

std::expected<net::HttpAnswer, Failure> ApiClient::stream(const Call& call,
                                                          const net::HttpClient::Sink& sink) {
  constexpr std::string_view kEventStream = "text/event-stream";
  auto answer =
      client_.stream(make_request(call, kEventStream), kEventStream, [&](std::string_view piece) {
        reached_ = true;
        return sink(piece);
      });
  if (!answer) {
    return std::unexpected(unanswered(answer.error()));
  }
  reached_ = true;
  if (answer->status < 200 || answer->status > 299) {
    return std::unexpected(refused(*answer));
  }
  return *std::move(answer);
}

std::expected<net::HttpAnswer, Failure> ApiClient::call(const Call& call) {
  auto answer = client_.send(make_request(call, "application/json"));
  if (!answer) {
    return std::unexpected(unanswered(answer.error()));
  }
  reached_ = true;
  if (answer->status < 200 || answer->status > 299) {
    return std::unexpected(refused(*answer));
  }
  while (answer->body.ends_with('\n')) {
    answer->body.pop_back();
  }
  if (!answer->body.empty() && !Json::parse(answer->body)) {
    return std::unexpected(
        unanswered({Kind::kBadUrl, "the answer is not JSON: is it a server of BitVault Events?"}));
  }
  return *std::move(answer);
}

std::optional<Failure> ApiClient::failure_of(
    const std::expected<net::HttpAnswer, net::HttpFailure>& outcome) const {
  if (!outcome) {
    return unanswered(outcome.error());
  }
  return outcome->status / 100 == 2 ? std::nullopt : std::optional(refused(*outcome));
}

Failure ApiClient::refused(const net::HttpAnswer& answer) const {
  Failure failure{.problem = read_problem(answer)};
  failure.text = render(*failure.problem);
  if (const auto what_to_do = hint(*failure.problem, !settings_.key.empty()); !what_to_do.empty()) {
    failure.text += "\n" + what_to_do;
  }
  const auto document = Json::parse(answer.body);
  failure.json = document && document->is_object()
                     ? std::string(document->raw())
                     : fmt::format(R"({{"title":{},"status":{}}})",
                                   json_string(failure.problem->title), answer.status);
  return failure;
}

Failure ApiClient::unanswered(const net::HttpFailure& failure) const {
  return {.transport = failure.kind,
          .text = render(failure, settings_.url),
          .json = fmt::format(R"({{"title":"No answer from the server","code":"{}","detail":{}}})",
                              code_of(failure.kind), json_string(printable(failure.detail)))};
}

}  // namespace bitvault::cli
