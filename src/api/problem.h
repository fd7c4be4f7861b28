// Problem documents (RFC 9457): how every error leaves the server.
#pragma once

#include <boost/json/object.hpp>
#include <string_view>

#include "base/error.h"
#include "http/http.h"

namespace bitvault::api {

// Errors whose code is internal show a fixed sentence and the request's id; their detail is logged
// here, once. `more` are further members of the document.
[[nodiscard]] http::Response problem(const Error& error, std::string_view request_id,
                                     boost::json::object more = {});

}  // namespace bitvault::api
