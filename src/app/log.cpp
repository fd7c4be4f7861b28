#include "app/log.h"

#include <fmt/format.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <iterator>
#include <memory>

#include "base/text.h"

namespace bitvault::app {
namespace {

constexpr char kMessageFlag = '*';

class Message final : public spdlog::custom_flag_formatter {
 public:
  explicit Message(bool json) : json_(json) {}

  void format(const spdlog::details::log_msg& message, const std::tm& /*time*/,
              spdlog::memory_buf_t& out) override {
    std::string text = one_line({message.payload.data(), message.payload.size()});
    if (json_) {
      text = json_string(text);
    }
    out.append(text.data(), text.data() + text.size());
  }

  std::unique_ptr<spdlog::custom_flag_formatter> clone() const override {
    return std::make_unique<Message>(json_);
  }

 private:
  const bool json_;
};

spdlog::level::level_enum level_of(cli::LogLevel level) {
  switch (level) {
    case cli::LogLevel::kDebug:
      return spdlog::level::debug;
    case cli::LogLevel::kInfo:
      return spdlog::level::info;
    case cli::LogLevel::kWarn:
      return spdlog::level::warn;
    case cli::LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

}  // namespace

void set_up_log(const cli::ServeOptions& options) {
  auto format = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  format->add_flag<Message>(kMessageFlag, options.log_json)
      .set_pattern(options.log_json
                       ? R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l","message":%*})"
                       : "%Y-%m-%dT%H:%M:%S.%eZ %-5l %*");
  auto log = std::make_shared<spdlog::logger>("bitvault",
                                              std::make_shared<spdlog::sinks::stderr_sink_mt>());
  log->set_formatter(std::move(format));
  log->set_level(level_of(options.log_level));
  log->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(log));
}

std::string one_line(std::string_view message) {
  const bool utf8 = is_valid_utf8(message);
  std::string line;
  line.reserve(message.size());
  for (const char c : message) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (byte > 0x7f && !utf8)) {
      fmt::format_to(std::back_inserter(line), "\\x{:02x}", byte);
    } else {
      line += c;
    }
  }
  return line;
}

}  // namespace bitvault::app
