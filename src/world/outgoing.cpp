#include "world/outgoing.h"

namespace bitvault {

std::string_view name_of(OutgoingFailure failure) {
  switch (failure) {
    case OutgoingFailure::kBadUrl:
      return "bad_url";
    case OutgoingFailure::kForbidden:
      return "address_forbidden";
    case OutgoingFailure::kNoSuchHost:
      return "no_such_host";
    case OutgoingFailure::kRefused:
      return "connection_refused";
    case OutgoingFailure::kUnreachable:
      return "unreachable";
    case OutgoingFailure::kTls:
      return "tls";
    case OutgoingFailure::kTimeout:
      return "timeout";
    case OutgoingFailure::kBroken:
      return "connection_broken";
    case OutgoingFailure::kTooLarge:
      return "answer_too_large";
    case OutgoingFailure::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

}  // namespace bitvault
