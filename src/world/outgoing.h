// Outgoing HTTP requests to servers that a tenant chose: webhooks, functions, sinks.
//
// Every connection passes the address guard: the host is resolved, every address of it judged, and
// the connection made to an address that was judged, so that a name that changes its address
// between the check and the call gains nothing. Redirects are not followed. Certificates and host
// names are verified. Whatever the other side does costs one request, bounded in time and bytes.
//
// Thread-safe. The coroutine resumes on its own executor. net/ has the real one.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/shared_bytes.h"
#include "base/time.h"
#include "world/world.h"

namespace bitvault {

// Whom a request trusts, and who it says it is, where that is not the default: PEM texts. One
// object for all the requests of an endpoint: connections are shared only below the same one.
struct OutgoingIdentity {
  std::string ca;           // empty: the system's authorities
  std::string certificate;  // of the client, empty: none
  std::string private_key;
};

struct OutgoingRequest {
  std::string method = "POST";
  std::string url;  // http or https
  std::vector<std::pair<std::string, std::string>> headers;
  SharedBytes body;
  Duration connect_timeout = std::chrono::seconds(10);  // resolving and the TLS handshake included
  Duration timeout = std::chrono::seconds(20);          // of the whole, the answer's body included
  // What is kept of the answer's body. What comes after it is not read.
  std::size_t answer_bytes_max = 16 * 1024;
  std::shared_ptr<const OutgoingIdentity> identity;  // null: the default
};

struct OutgoingAnswer {
  unsigned status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case; bounded
  std::string body;                                          // its first answer_bytes_max bytes
  bool truncated = false;                                    // there was more of the body
};

// Why there is no answer.
enum class OutgoingFailure : std::uint8_t {
  kBadUrl,
  kForbidden,    // the address guard
  kNoSuchHost,   // DNS
  kRefused,      // nobody listens there
  kUnreachable,  // no route
  kTls,          // the certificate or the handshake
  kTimeout,
  kBroken,    // the connection broke, or what came is not HTTP
  kTooLarge,  // the head of the answer
  kCancelled,
};

// A failure's name, such as "connection_refused": for records and the API.
[[nodiscard]] std::string_view name_of(OutgoingFailure failure);

struct OutgoingResult {
  std::expected<OutgoingAnswer, OutgoingFailure> answer = std::unexpected(OutgoingFailure::kBroken);
  std::string detail;   // of a failure: a sentence for the endpoint's owner, without any secret
  std::string address;  // the peer's, without port; empty when there was none
  Duration latency{};   // from the call to its end
};

class Outgoing {
 public:
  virtual ~Outgoing() = default;

  // A cancelled caller gets kCancelled soon, and the request ends.
  [[nodiscard]] virtual Task<OutgoingResult> send(OutgoingRequest request) = 0;

  // Whether requests to this URL may be made at all, as told to its owner: its form, its scheme,
  // and every address that its host has now. Nothing when they may; a sentence otherwise. A host
  // that cannot be resolved now is no reason to refuse it.
  [[nodiscard]] virtual Task<std::expected<void, std::string>> judge(std::string url) = 0;
};

}  // namespace bitvault
