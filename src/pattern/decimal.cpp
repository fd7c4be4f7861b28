#include "pattern/decimal.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <system_error>

#include "base/text.h"

namespace bitvault::pattern {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr std::int64_t kPowerMax = 1'000'000;  // far beyond what binary64 holds

bool exceeds_64_bits(std::string_view written) {
  const bool negative = written.starts_with('-');
  written.remove_prefix(negative ? 1 : 0);
  if (written.find_first_not_of(kDigits) != std::string_view::npos) {
    return false;
  }
  const auto magnitude = parse_uint(written);
  return !magnitude || (negative && *magnitude > std::uint64_t{1} << 63);
}

// Steps over digits; false when there is none.
bool take_digits(std::string_view& text) {
  const std::size_t count = std::min(text.find_first_not_of(kDigits), text.size());
  text.remove_prefix(count);
  return count > 0;
}

bool take(std::string_view& text, std::string_view any_of) {
  const bool there = !text.empty() && any_of.find(text.front()) != std::string_view::npos;
  text.remove_prefix(there ? 1 : 0);
  return there;
}

enum class Form : std::uint8_t { kNone, kInteger, kDecimal };

Form form_of(std::string_view text) {
  take(text, "-");
  if (!take(text, "0") && !take_digits(text)) {
    return Form::kNone;
  }
  Form form = Form::kInteger;
  if (take(text, ".")) {
    form = take_digits(text) ? Form::kDecimal : Form::kNone;
  }
  if (form != Form::kNone && take(text, "eE")) {
    take(text, "+-");
    form = take_digits(text) ? Form::kDecimal : Form::kNone;
  }
  return text.empty() ? form : Form::kNone;
}

template <class T>
std::optional<T> read_as(std::string_view written) {
  T value{};
  const auto read = std::from_chars(written.data(), written.data() + written.size(), value);
  return read.ec == std::errc() ? std::optional(value) : std::nullopt;
}

// digits * 10^exponent, without zeros at either end of the digits.
struct Decimal {
  bool negative = false;
  std::string digits;
  std::int64_t exponent = 0;

  bool operator==(const Decimal&) const = default;
};

Decimal decimal_of(std::string_view written) {
  Decimal out;
  out.negative = written.starts_with('-');
  const std::size_t e = std::min(written.find_first_of("eE"), written.size());
  bool fraction = false;
  for (const char c : written.substr(0, e)) {
    if (kDigits.find(c) != std::string_view::npos) {
      out.digits += c;
      out.exponent -= fraction ? 1 : 0;
    }
    fraction = fraction || c == '.';
  }
  if (e < written.size()) {
    std::string_view power = written.substr(e + 1);
    power.remove_prefix(power.starts_with('+') ? 1 : 0);
    std::int64_t value = 0;
    const auto read = std::from_chars(power.data(), power.data() + power.size(), value);
    const bool held = read.ec == std::errc() && value > -kPowerMax && value < kPowerMax;
    out.exponent += held ? value : power.starts_with('-') ? -kPowerMax : kPowerMax;
  }
  out.digits.erase(0, out.digits.find_first_not_of('0'));
  while (out.digits.ends_with('0')) {
    out.digits.pop_back();
    ++out.exponent;
  }
  return out.digits.empty() ? Decimal{} : out;
}

}  // namespace

std::string_view WrittenNumbers::next() {
  for (bool in_string = false; at_ < json_.size(); ++at_) {
    const char c = json_[at_];
    if (in_string) {
      at_ += c == '\\' ? 1 : 0;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '-' || kDigits.find(c) != std::string_view::npos) {
      const std::size_t begin = at_;
      at_ = std::min(json_.find_first_not_of("0123456789+-.eE", begin), json_.size());
      return json_.substr(begin, at_ - begin);
    }
  }
  return {};
}

std::string with_long_integers_as_decimals(std::string_view json) {
  std::string out;
  std::size_t copied = 0;
  WrittenNumbers numbers(json);
  for (std::string_view written; !(written = numbers.next()).empty();) {
    if (exceeds_64_bits(written)) {
      out.append(json.substr(copied, numbers.end() - copied)).append("e0");
      copied = numbers.end();
    }
  }
  return out.append(json.substr(copied));
}

std::optional<Number> number_of(std::string_view written) {
  const Form form = form_of(written);
  if (form == Form::kNone) {
    return std::nullopt;
  }
  if (form == Form::kInteger) {
    if (const auto number = read_as<std::int64_t>(written)) {
      return static_cast<Number>(*number);
    }
    if (const auto number = read_as<std::uint64_t>(written)) {
      return static_cast<Number>(*number);
    }
  }
  if (const auto number = read_as<double>(written)) {
    return static_cast<Number>(*number);
  }
  const Decimal decimal = decimal_of(written);
  const bool tiny = static_cast<std::int64_t>(decimal.digits.size()) + decimal.exponent < 0;
  return tiny ? std::optional<Number>(0) : std::nullopt;
}

bool reads_back(std::string_view written, double number) {
  return decimal_of(written) == decimal_of(fmt::format("{}", number));
}

}  // namespace bitvault::pattern
