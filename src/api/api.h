// The HTTP API: finds a request's route, decides whether its caller may take it, and answers.
//
// Every failure leaves as a problem document. Thread-safe; a request runs on its connection's
// executor.
#pragma once

#include <expected>

#include "api/call.h"
#include "http/http.h"

namespace bitvault::api {

inline constexpr std::size_t kControlBodyBytesMax = 64 * 1024;
inline constexpr std::size_t kWebhookBodyBytesMax = 160 * 1024;      // certificates, a pattern
inline constexpr std::size_t kPatternTestBodyBytesMax = 128 * 1024;  // an event and a pattern

class Api final : public http::Handler {
 public:
  explicit Api(Services services) : services_(std::move(services)) {}

  [[nodiscard]] std::size_t body_bytes_max(const http::Request& head) const override;
  [[nodiscard]] Task<http::Admission> admit(const http::Request& head) override;
  [[nodiscard]] Task<http::Response> handle(const http::Request& request) override;
  [[nodiscard]] http::Response refuse(unsigned status, std::string_view why,
                                      std::string_view request_id) const override;

 private:
  // A call that its caller may make, and what answers it.
  struct Opened {
    Task<Result<http::Response>> (*answer)(const Services&, const Call&);
    bool limited;  // by its tenant's rate; what only the operator may do is not
    Call call;
  };

  [[nodiscard]] Task<std::expected<Opened, http::Response>> open(const http::Request& request);
  [[nodiscard]] Task<http::Response> dispatch(const http::Request& request);
  [[nodiscard]] Task<http::Admission> judge(const http::Request& head);

  const Services services_;
};

}  // namespace bitvault::api
