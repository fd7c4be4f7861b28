// What `listen` does with a request: verifies its signature, says what came, and answers as it was
// told to. It also notices what a receiver should: an event that came before, and a gap.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include "cli/console.h"
#include "http/http.h"
#include "webhooks/verifier.h"
#include "world/world.h"

namespace bitvault::cli {

struct ReceiverOptions {
  webhooks::Verifier verifier;
  bool verifies = false;    // there is a secret
  unsigned status = 200;    // of the answer to what is genuine
  Duration delay{};         // before it
  std::uint64_t count = 0;  // deliveries after which it has enough; 0: never
  bool json = false;
};

class Receiver final : public http::Handler {
 public:
  static constexpr std::size_t kBodyBytesMax = 1024 * 1024;
  static constexpr std::size_t kIdsKept = 10'000;

  // `enough` is called once, when `count` deliveries were answered; from any thread.
  Receiver(World& world, Console& console, ReceiverOptions options, std::function<void()> enough);

  [[nodiscard]] std::size_t body_bytes_max(const http::Request&) const override {
    return kBodyBytesMax;
  }
  [[nodiscard]] Task<http::Admission> admit(const http::Request& head) override;
  [[nodiscard]] Task<http::Response> handle(const http::Request& request) override;
  [[nodiscard]] http::Response refuse(unsigned status, std::string_view why,
                                      std::string_view request_id) const override;

  // A line for a person, not in the middle of another.
  void note(std::string_view line);
  // Whether what was printed reached its reader.
  [[nodiscard]] Console::Outcome flush();

 private:
  struct Delivery;

  void print(const Delivery& delivery);
  [[nodiscard]] std::string as_text(const Delivery& delivery) const;
  [[nodiscard]] static std::string as_json(const Delivery& delivery);
  // What is odd about it as one of a series.
  [[nodiscard]] std::string judge_series(const Delivery& delivery);

  World& world_;
  Console& console_;
  const ReceiverOptions options_;
  const std::function<void()> enough_;
  std::mutex mutex_;                // guards all that follows, and the console
  std::uint64_t received_ = 0;      // and answered
  std::set<std::string> ids_;       // genuine ones
  std::deque<std::string> oldest_;  // of these
  std::uint64_t last_ = 0;          // the sequence of the last new one
};

}  // namespace bitvault::cli
