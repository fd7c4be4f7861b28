#include "cli/listen_address.h"

#include <boost/asio/ip/address.hpp>

#include "base/text.h"

namespace bitvault::cli {

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const auto wrong =
      fail(Code::kInvalid, "listen must be ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080");
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return wrong;
  }
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) {
    host = host.substr(1, host.size() - 2);
  } else if (host == "localhost") {
    host = "127.0.0.1";
  }
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(std::string(host), error);
  const auto port = parse_uint(text.substr(colon + 1));
  if (error || address.is_v6() != bracketed || !port || *port > 65'535) {
    return wrong;
  }
  return ListenAddress{std::string(host), static_cast<std::uint16_t>(*port)};
}

}  // namespace bitvault::cli
