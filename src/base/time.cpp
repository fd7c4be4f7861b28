#include "base/time.h"

#include <cstdint>
#include <optional>

#include "base/check.h"

namespace bitvault {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::string_view kRule =
    "a time is RFC 3339, such as 2026-11-23T04:22:02Z or 2026-11-23T04:22:02.123456+01:00";

// Reads the fixed pieces of a date-time from the front of a text.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  std::optional<int> digits(std::size_t count) {
    if (rest_.size() < count) {
      return std::nullopt;
    }
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (rest_[i] < '0' || rest_[i] > '9') {
        return std::nullopt;
      }
      value = value * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(count);
    return value;
  }
  bool one_of(std::string_view choices) {
    if (rest_.empty() || choices.find(rest_.front()) == std::string_view::npos) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }
  std::optional<int> digits_after(char separator, std::size_t count) {
    return one_of({&separator, 1}) ? digits(count) : std::nullopt;
  }
  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

std::optional<microseconds> read_fraction(Reader& reader) {
  if (!reader.one_of(".")) {
    return microseconds{0};
  }
  int value = 0;
  std::size_t count = 0;
  while (const auto digit = reader.digits(1)) {
    if (count < 6) {
      value = value * 10 + *digit;
    }
    ++count;
  }
  if (count == 0) {
    return std::nullopt;
  }
  for (; count < 6; ++count) {
    value *= 10;
  }
  return microseconds{value};
}

std::optional<minutes> read_offset(Reader& reader) {
  if (reader.one_of("Zz")) {
    return minutes{0};
  }
  const bool negative = !reader.rest().empty() && reader.rest().front() == '-';
  if (!reader.one_of("+-")) {
    return std::nullopt;
  }
  const auto hour = reader.digits(2);
  const auto minute = reader.digits_after(':', 2);
  if (!hour || !minute || *hour > 23 || *minute > 59) {
    return std::nullopt;
  }
  const minutes offset = hours{*hour} + minutes{*minute};
  return negative ? -offset : offset;
}

std::optional<WallTime> read_time(std::string_view text) {
  Reader reader(text);
  const auto year = reader.digits(4);
  const auto month = reader.digits_after('-', 2);
  const auto day = reader.digits_after('-', 2);
  const bool separated = reader.one_of("Tt ");
  const auto hour = reader.digits(2);
  const auto minute = reader.digits_after(':', 2);
  const auto second = reader.digits_after(':', 2);
  if (!year || !month || !day || !separated || !hour || !minute || !second) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  const auto fraction = read_fraction(reader);
  const auto offset = read_offset(reader);
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60 || !fraction || !offset ||
      !reader.rest().empty()) {
    return std::nullopt;
  }
  const WallTime time = std::chrono::sys_days{date} + hours{*hour} + minutes{*minute} +
                        seconds{*second} + *fraction - *offset;
  const auto utc_year = std::chrono::year_month_day{std::chrono::floor<days>(time)}.year();
  if (int{utc_year} < 0 || int{utc_year} > 9999) {
    return std::nullopt;
  }
  return time;
}

void write_digits(std::string& text, std::size_t at, std::size_t count, std::int64_t value) {
  for (std::size_t i = at + count; i > at; --i, value /= 10) {
    text[i - 1] = static_cast<char>('0' + value % 10);
  }
}

}  // namespace

std::string format_time(WallTime time) {
  const auto day = std::chrono::floor<days>(time);
  const std::chrono::year_month_day date{day};
  const int year{date.year()};
  check(year >= 0 && year <= 9999, "a time lies in the years 0000 to 9999");
  const std::chrono::hh_mm_ss<microseconds> clock{time - day};
  std::string text = "0000-00-00T00:00:00.000000Z";
  write_digits(text, 0, 4, year);
  write_digits(text, 5, 2, unsigned{date.month()});
  write_digits(text, 8, 2, unsigned{date.day()});
  write_digits(text, 11, 2, clock.hours().count());
  write_digits(text, 14, 2, clock.minutes().count());
  write_digits(text, 17, 2, clock.seconds().count());
  write_digits(text, 20, 6, clock.subseconds().count());
  return text;
}

Result<WallTime> parse_time(std::string_view text) {
  const auto time = read_time(text);
  if (!time) {
    return fail(Code::kInvalid, std::string(kRule));
  }
  return *time;
}

}  // namespace bitvault
