// The HTTP API: finds a request's route, decides whether its caller may take it, and answers.
//
// Every failure leaves as a problem document. Thread-safe; a request runs on its connection's
// executor.
#pragma once

#include "api/call.h"
#include "http/http.h"

namespace bitvault::api {

inline constexpr std::size_t kControlBodyBytesMax = 64 * 1024;

class Api final : public http::Handler {
 public:
  explicit Api(Services services) : services_(std::move(services)) {}

  [[nodiscard]] std::size_t body_bytes_max(const http::Request& head) const override;
  [[nodiscard]] Task<http::Response> handle(const http::Request& request) override;
  [[nodiscard]] http::Response refuse(unsigned status, std::string_view why,
                                      std::string_view request_id) const override;

 private:
  [[nodiscard]] Task<Result<http::Response>> dispatch(const http::Request& request);

  const Services services_;
};

}  // namespace bitvault::api
