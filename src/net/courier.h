// The Courier carries outgoing requests (world/outgoing.h) with libcurl, on a thread of its own.
//
// One multi handle: connections are kept and shared by all requests to a host that trust and show
// the same (OutgoingIdentity), HTTP/2 is spoken where TLS offers it, and the system's authorities
// are read once. The address guard judges each URL and, again, each address at the moment of
// connecting. Proxies of the environment are not used: the guard would see only the proxy.
//
// Thread-safe. It outlives every send(). Its end aborts what is in flight.
#pragma once

#include <memory>
#include <string>

#include "net/address_guard.h"
#include "world/outgoing.h"

namespace bitvault::net {

struct CourierOptions {
  std::string user_agent = {};   // where the request names none
  std::string ca_file = {};      // PEM; empty: the system's
  long connections_max = 1'024;  // that are kept for later
};

class Courier final : public Outgoing {
 public:
  Courier(CourierOptions options, AddressPolicy policy);
  ~Courier() override;

  [[nodiscard]] Task<OutgoingResult> send(OutgoingRequest request) override;
  [[nodiscard]] Task<std::expected<void, std::string>> judge(std::string url) override;

 private:
  class Loop;
  const AddressPolicy policy_;
  const std::unique_ptr<Loop> loop_;
};

}  // namespace bitvault::net
