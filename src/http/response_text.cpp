#include "http/response_text.h"

#include <fmt/format.h>

#include <array>
#include <cstddef>

#include "base/check.h"

namespace bitvault::http {
namespace {

void append_header(std::string& out, std::string_view name, std::string_view value) {
  check(value.find_first_of("\r\n") == std::string_view::npos, "a header's value is one line");
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

void append_number(std::string& out, std::size_t number) {
  const fmt::format_int text(number);
  out.append(text.data(), text.size());
}

// Statuses whose answer ends with its head, whatever the headers say (RFC 9112, 6.3).
bool has_no_body(unsigned status) { return status < 200 || status == 204 || status == 304; }

}  // namespace

std::string_view reason_phrase(unsigned status) {
  struct Phrase {
    unsigned status;
    std::string_view text;
  };
  static constexpr Phrase kPhrases[] = {
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {304, "Not Modified"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {413, "Content Too Large"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {422, "Unprocessable Content"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {503, "Service Unavailable"},
  };
  for (const Phrase& phrase : kPhrases) {
    if (phrase.status == status) {
      return phrase.text;
    }
  }
  return "Status";
}

std::string http_date(WallTime time) {
  static constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed",
                                                            "Thu", "Fri", "Sat"};
  static constexpr std::array<std::string_view, 12> kMonths = {
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{std::chrono::floor<std::chrono::seconds>(time - day)};
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                     kDays[std::chrono::weekday{day}.c_encoding()], unsigned{date.day()},
                     kMonths[unsigned{date.month()} - 1], int{date.year()}, clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

std::string_view body_to_send(const Response& response, bool head_only) {
  const bool none = head_only || has_no_body(response.status) || response.content_type.empty();
  return none ? std::string_view() : response.content();
}

void append_head(std::string& out, const Response& response, const ResponseContext& context) {
  out += "HTTP/1.1 ";
  append_number(out, response.status);
  out += ' ';
  out += reason_phrase(response.status);
  out += "\r\n";
  append_header(out, "Date", context.date);
  append_header(out, "X-Request-Id", context.request_id);
  if (!context.keep_alive) {
    append_header(out, "Connection", "close");
  }
  for (const auto& [name, value] : response.headers) {
    append_header(out, name, value);
  }
  if (!response.content_type.empty()) {
    append_header(out, "Content-Type", response.content_type);
  }
  if (!has_no_body(response.status) && !response.stream) {
    out += "Content-Length: ";
    append_number(out, body_to_send(response, false).size());
    out += "\r\n";
  }
  out += "\r\n";
}

}  // namespace bitvault::http
