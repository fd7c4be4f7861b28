#include "cli/receiver.h"

#include <fmt/format.h>

#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "cli/event_line.h"
#include "webhooks/signature.h"

namespace bitvault::cli {

using webhooks::Verification;

struct Receiver::Delivery {
  std::string_view id;
  std::string_view body;
  std::uint64_t sequence = 0;
  std::uint64_t previous = 0;
  std::string_view attempt;
  std::string_view replay;
  std::optional<Verification> verification;  // absent: there is no secret
  std::string received;
  std::string remark{};

  [[nodiscard]] bool genuine() const {
    return !verification || *verification == Verification::kValid;
  }
};

Receiver::Receiver(World& world, Console& console, ReceiverOptions options,
                   std::function<void()> enough)
    : world_(world), console_(console), options_(std::move(options)), enough_(std::move(enough)) {}

Task<http::Admission> Receiver::admit(const http::Request&) { co_return http::Admission{}; }

http::Response Receiver::refuse(unsigned status, std::string_view why, std::string_view) const {
  return {.status = status, .content_type = "text/plain", .body = std::string(why) + "\n"};
}

Task<http::Response> Receiver::handle(const http::Request& request) {
  if (request.method != "POST") {
    co_return http::Response{.status = 405,
                             .content_type = "text/plain",
                             .headers = {{"Allow", "POST"}},
                             .body = "deliveries are POST requests\n"};
  }
  Delivery delivery{
      .id = request.header(webhooks::kIdHeader),
      .body = request.body,
      .sequence = parse_uint(request.header("bitvault-sequence")).value_or(0),
      .previous = parse_uint(request.header("bitvault-previous-sequence")).value_or(0),
      .attempt = request.header("bitvault-attempt"),
      .replay = request.header("bitvault-replay"),
      .verification = {},
      .received = format_time(world_.clock().wall())};
  if (options_.verifies) {
    delivery.verification =
        options_.verifier.verify({.id = delivery.id,
                                  .timestamp = request.header(webhooks::kTimestampHeader),
                                  .signature = request.header(webhooks::kSignatureHeader),
                                  .body = request.body},
                                 world_.clock().wall());
  }
  print(delivery);
  if (!delivery.genuine()) {
    co_return http::Response{.status = 401,
                             .content_type = "text/plain",
                             .body = std::string(explain(*delivery.verification)) + "\n"};
  }
  if (options_.delay > Duration::zero()) {
    co_await world_.sleep(options_.delay);
  }
  bool enough = false;
  {
    const std::scoped_lock lock(mutex_);
    enough = ++received_ == options_.count;
  }
  if (enough) {
    enough_();
  }
  co_return http::Response{.status = options_.status};
}

void Receiver::print(const Delivery& delivery) {
  const std::scoped_lock lock(mutex_);
  Delivery told = delivery;
  if (delivery.genuine()) {
    told.remark = judge_series(delivery);
  }
  console_.print_line(options_.json ? as_json(told) : as_text(told));
  (void)console_.flush();
}

std::string Receiver::judge_series(const Delivery& delivery) {
  const std::string id(delivery.id);
  if (id.empty()) {
    return {};
  }
  if (!ids_.insert(id).second) {
    return "again";
  }
  oldest_.push_back(id);
  if (oldest_.size() > kIdsKept) {
    ids_.erase(oldest_.front());
    oldest_.pop_front();
  }
  if (delivery.sequence == 0 || !delivery.replay.empty()) {
    return {};
  }
  const bool gap = last_ != 0 && delivery.previous > last_;
  std::string remark =
      gap ? fmt::format("gap: {} should have come before", delivery.previous) : std::string();
  last_ = std::max(last_, delivery.sequence);
  return remark;
}

std::string Receiver::as_text(const Delivery& delivery) const {
  const bool colours = console_.out_colours();
  std::string line = !delivery.verification ? painted("unverified", Colour::kYellow, colours)
                     : delivery.genuine()   ? painted("verified", Colour::kGreen, colours)
                                            : painted("REFUSED", Colour::kRed, colours);
  line += "  ";
  line += Json::parse(delivery.body)
              ? render_event(delivery.body, colours)
              : fmt::format("{} bytes that are no JSON", delivery.body.size());
  if (!delivery.genuine()) {
    line += fmt::format("  ({})", explain(*delivery.verification));
  }
  if (!delivery.attempt.empty() && delivery.attempt != "1") {
    line += fmt::format("  attempt {}", printable(delivery.attempt));
  }
  if (!delivery.replay.empty()) {
    line += fmt::format("  replay {}", printable(delivery.replay));
  }
  if (!delivery.remark.empty()) {
    line += "  " + painted(delivery.remark, Colour::kYellow, colours);
  }
  return line;
}

std::string Receiver::as_json(const Delivery& delivery) {
  const auto text = [](std::string_view raw) {
    return raw.empty() ? std::string("null")
                       : json_string(is_valid_utf8(raw) ? std::string(raw) : printable(raw));
  };
  const std::string verdict = !delivery.verification ? "null"
                              : delivery.genuine()   ? "true"
                                                     : "false";
  const std::string why =
      delivery.genuine() ? "null" : json_string(explain(*delivery.verification));
  return fmt::format(
      R"({{"received_at":"{}","verified":{},"why_not":{},"webhook_id":{},"sequence":{},)"
      R"("previous_sequence":{},"attempt":{},"replay":{},"remark":{},"event":{}}})",
      delivery.received, verdict, why, text(delivery.id), delivery.sequence, delivery.previous,
      parse_uint(delivery.attempt).value_or(0), text(delivery.replay), text(delivery.remark),
      Json::parse(delivery.body) ? delivery.body : std::string_view("null"));
}

void Receiver::note(std::string_view line) {
  const std::scoped_lock lock(mutex_);
  console_.note(line);
}

Console::Outcome Receiver::flush() {
  const std::scoped_lock lock(mutex_);
  return console_.flush();
}

}  // namespace bitvault::cli
